// The rows of the table of settings that are about stored messages.
import { byteCount, flag, integer } from './parsers.ts';

export const messageSettings = {
  VWS_TOKEN_MESSAGES: {
    description:
      'Token messages, whose text the server cannot read; it stores who writes to whom and when. `off` removes their endpoints.',
    example: 'off',
    fallback: 'on',
    parse: flag,
  },
  MESSAGE_DEFAULT_DAYS: {
    description: 'Days after which a token message expires if its sender does not choose.',
    example: '1',
    fallback: '7',
    parse: integer(1, 3650),
  },
  MESSAGE_MAX_DAYS: {
    description: 'Longest expiry of a token message that a sender can choose, in days.',
    example: '90',
    fallback: '30',
    parse: integer(1, 3650),
  },
  MESSAGE_QUOTA_COUNT: {
    description: 'Active token messages of one sender.',
    example: '100',
    fallback: '1000',
    parse: integer(1, 1_000_000),
  },
  MESSAGE_QUOTA_BYTES: {
    description: 'Bytes of the active token messages of one sender.',
    example: '16777216',
    fallback: String(64 * 1024 * 1024),
    parse: byteCount,
  },
  MESSAGE_PAIR_QUOTA_COUNT: {
    description: 'Active token messages from one sender to one recipient.',
    example: '20',
    fallback: '100',
    parse: integer(1, 1_000_000),
  },
  MESSAGE_STORE_MAX_BYTES: {
    description: 'Bytes of all stored messages, beyond which no token messages are accepted; summed every 30 seconds.',
    example: '1073741824',
    fallback: String(10 * 1024 ** 3),
    parse: byteCount,
  },
  MESSAGE_RECEIPT_DAYS: {
    description: 'Days for which a token message that has ended remains in the list of its sender.',
    example: '0',
    fallback: '30',
    parse: integer(0, 3650),
  },
  VWS_SHORT_CIPHERTEXTS: {
    description:
      'Return 24 characters to suite 1 clients that encrypt, for a text of any length, and store the text encrypted under them; who writes to whom and when is then stored, too. `off` returns self-contained ciphertexts, which are longer and often too long for short videos.',
    example: 'off',
    fallback: 'on',
    parse: flag,
  },
  SHORT_CIPHERTEXT_QUOTA_BYTES: {
    description: 'Bytes stored for the short ciphertexts of one sender, who gets self-contained ones beyond it.',
    example: '1048576',
    fallback: String(64 * 1024 * 1024),
    parse: byteCount,
  },
  BACKUP_RETENTION_DAYS: {
    description: 'Days for which backups are kept. Shown to senders, because backups contain erased messages.',
    example: '14',
    parse: integer(0, 3650),
  },
} as const;
