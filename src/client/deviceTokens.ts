// Device tokens, by which a server recognizes this client at the next login: one per server and account.
import { isObject } from './json.ts';
import type { SessionStorage } from './options.ts';

type Tokens = Readonly<Record<string, unknown>>;

/** The tokens outlive sessions. A storage that fails is ignored: without a token, a login only has stricter limits. */
export class DeviceTokens {
  readonly #storage: SessionStorage | undefined;
  #tokens: Tokens;

  private constructor(storage: SessionStorage | undefined, tokens: Tokens) {
    this.#storage = storage;
    this.#tokens = tokens;
  }

  static async load(storage: SessionStorage | undefined): Promise<DeviceTokens> {
    return new DeviceTokens(storage, await load(storage));
  }

  /** Returns the field of a request that names an account. */
  fieldFor(fingerprint: string, email: string): { readonly device_token?: string } {
    const token = this.#tokens[keyOf(fingerprint, email)];
    return typeof token === 'string' ? { device_token: token } : {};
  }

  /** Keeps the token of a response. */
  async keep(fingerprint: string, email: string, token: unknown): Promise<void> {
    const key = keyOf(fingerprint, email);
    if (typeof token !== 'string' || this.#tokens[key] === token) return;
    await this.#change({ [key]: token });
  }

  /** Moves the token of an account whose address has changed. */
  async move(fingerprint: string, formerEmail: string, email: string): Promise<void> {
    const [former, key] = [keyOf(fingerprint, formerEmail), keyOf(fingerprint, email)];
    const token = { ...this.#tokens, ...(await load(this.#storage)) }[former];
    if (token !== undefined && former !== key) await this.#change({ [former]: undefined, [key]: token });
  }

  async #change(changes: Tokens): Promise<void> {
    // Another program may have stored tokens in the meantime.
    this.#tokens = { ...this.#tokens, ...(await load(this.#storage)), ...changes };
    try {
      await this.#storage?.save(JSON.stringify(this.#tokens));
    } catch {}
  }
}

function keyOf(fingerprint: string, email: string): string {
  return `${fingerprint} ${email.trim().toLowerCase()}`;
}

async function load(storage: SessionStorage | undefined): Promise<Tokens> {
  try {
    const tokens: unknown = JSON.parse((await storage?.load()) ?? '');
    return isObject(tokens) ? tokens : {};
  } catch {
    return {};
  }
}
