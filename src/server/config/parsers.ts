// Parsers of the texts of settings. They throw an Error whose message continues a sentence that starts with the variable's name.
import { isAbsolute, resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { parseMasterKey } from '../keyring/masterKey.ts';
import { parseSender } from '../mail/address.ts';

export const text = (value: string): string => value;

export function integer(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      throw new Error(`must be a whole number from ${min} to ${max}`);
    }
    return number;
  };
}

export function flag(value: string): boolean {
  if (/^(1|true|yes|on)$/i.test(value)) return true;
  if (/^(0|false|no|off)$/i.test(value)) return false;
  throw new Error('must be on or off (true or false)');
}

export function suite1Mode(value: string): 'on' | 'off' | 'insecure' {
  if (value === 'insecure') return value;
  try {
    return flag(value) ? 'on' : 'off';
  } catch {
    throw new Error('must be on, off or insecure');
  }
}

export function oneOf<const T extends string>(...choices: readonly T[]): (value: string) => T {
  return (value) => {
    const choice = choices.find((candidate) => candidate === value);
    if (!choice) throw new Error(`must be one of ${choices.join(', ')}`);
    return choice;
  };
}

export function masterKey(value: string): Uint8Array {
  const bytes = parseMasterKey(value);
  if (!bytes) throw new Error('must be 64 hex characters or base64 of 32 bytes');
  return bytes;
}

/** Parses a PostgreSQL URL or the path of a SQLite file. */
export function databaseUrl(value: string): { readonly postgres: string } | { readonly sqlite: string } {
  if (/^postgres(ql)?:\/\/./.test(value) && URL.canParse(value)) return { postgres: value };
  const match = /^sqlite:(?:\/\/)?(.+)$/.exec(value);
  if (!match?.[1]) throw new Error('must begin with sqlite: or postgres://');
  return { sqlite: absolute(match[1]) };
}

export function absolute(path: string): string {
  return isAbsolute(path) ? path : resolve(path);
}

export function origins(value: string): string[] {
  const list = value.split(',').map((origin) => origin.trim());
  for (const origin of list) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new Error(`holds "${origin}", which is not an origin`);
  }
  return list;
}

export function networks(value: string): string[] {
  const list = value.split(',').map((network) => network.trim());
  for (const network of list) {
    if (!ipaddr.isValid(network) && !ipaddr.isValidCIDR(network)) {
      throw new Error(`holds "${network}", which is not an address or network`);
    }
    if (network.endsWith('/0')) throw new Error(`holds "${network}", which would trust every address`);
  }
  return list;
}

export function sender(value: string): string {
  try {
    parseSender({ sender: value, senderName: '' });
  } catch {
    throw new Error('must be one email address, optionally with a name before it');
  }
  return value;
}

export function oneLine(value: string): string {
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value)) throw new Error('must be a single line');
  return value;
}

export function hostNames(value: string): string[] {
  const list = value.split(',').map((name) => name.trim().toLowerCase());
  for (const name of list) {
    if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name)) throw new Error(`holds "${name}", which is not a host name`);
  }
  return list;
}

export const byteCount = integer(1024, 2 ** 50);

export const rate = integer(1, 10_000_000);
