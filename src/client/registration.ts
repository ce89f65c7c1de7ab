// Types of a registration.

/** A new account. */
export interface Registration {
  /** 1 to 64 characters. */
  readonly username: string;
  readonly email: string;
  /** 12 or more characters, or 8 or more of four kinds. */
  readonly password: string;
  /** A code of the operator, if the server requires one. */
  readonly invite?: string | undefined;
}

/** The step after a registration: a code from an email confirms the address. In suite 1 none: the session is logged in. */
export interface RegistrationResult {
  readonly next: 'confirm_email' | null;
}
