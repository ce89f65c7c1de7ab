/** What a session key of suite 1 is made of. */
export const SESSION_KEY_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** How many characters a session key of suite 1 has. */
export const SESSION_KEY_LENGTH = 400;
