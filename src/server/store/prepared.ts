// Queries that are compiled once and run with different values.
import type { Compilable, CompiledQuery, QueryResult } from 'kysely';
import type { Engine, Transaction } from './store.ts';

/** Placeholder in a query for a value of each run. */
class Placeholder {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Prepares a query of the hot path: it is built and compiled once per engine and runs with different values. The query
 * that `build` returns must therefore not depend on the values except for their position.
 *
 * @param names of the values
 * @param build builds the query; it receives placeholders instead of values
 * @returns a function that runs the query in a transaction
 */
export function prepared<Values extends object, Row>(
  names: readonly (keyof Values & string)[],
  build: (transaction: Pick<Transaction, 'engine' | 'db'>, values: Values) => Compilable<Row>,
): (transaction: Transaction, values: Values) => Promise<QueryResult<Row>> {
  const placeholders = Object.fromEntries(names.map((name) => [name, new Placeholder(name)])) as Values;
  const templates = new Map<Engine, CompiledQuery<Row>>();

  return (transaction, values) => {
    let template = templates.get(transaction.engine);
    if (!template) {
      template = build(transaction, placeholders).compile();
      templates.set(transaction.engine, template);
    }
    const parameters = template.parameters.map((parameter) =>
      parameter instanceof Placeholder ? values[parameter.name as keyof Values] : parameter,
    );
    return transaction.run({ ...template, parameters });
  };
}
