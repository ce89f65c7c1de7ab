// Hides payloads in video clips and finds them again, in Node.js and in browsers. A preview format: it may still change.
export { type Capacity, capacity } from './capacity.ts';
export type { ProfileName as Profile } from './core/profiles.ts';
export { VideoError, type VideoErrorCode } from './errors.ts';
export { type Hidden, type HideOptions, hide } from './hide.ts';
export { type PatternKey, type PatternKeys, publicKey, sharedKey, userKey } from './keys.ts';
export type { VideoInput } from './media/clip.ts';
export { type Revealed, type RevealOptions, reveal } from './reveal.ts';
