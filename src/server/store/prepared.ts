import type { Compilable, CompiledQuery, QueryResult } from 'kysely';
import type { Engine, Transaction } from './store.ts';

/** Stands in a query for a value that each run gives. */
class Placeholder {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Prepares a query that is run for every request: it is built and compiled once for each engine, and run with other
 * values each time. What `build` makes must therefore depend on the values by nothing but where they stand.
 *
 * @param names what the values are called
 * @param build makes the query; the values it is given only hold the places of the real ones
 * @returns runs the query in a transaction
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
