// Constants of suite 1.

/** Characters of a session key of suite 1. */
export const SESSION_KEY_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Number of characters of a session key of suite 1. */
export const SESSION_KEY_LENGTH = 400;
