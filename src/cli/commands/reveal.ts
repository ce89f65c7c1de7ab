// `vws reveal`: finds a message that is hidden in a video.
import { basename } from 'node:path';
import { defineCommand } from '../command.ts';
import { CommandError } from '../errors.ts';
import { Progress } from '../terminal/progress.ts';
import { rethrow } from '../video/failures.ts';
import { requireClip } from '../video/hideInFile.ts';
import { withInterrupt } from '../video/interrupt.ts';
import { deriveKey, keyOption, readKeyText } from '../video/readKey.ts';
import { loadVideo } from '../video/support.ts';

export const command = defineCommand({
  name: 'reveal',
  description:
    'Finds the message that vws hide put into a video, also after the video was compressed, scaled, trimmed or cropped a ' +
    'little, and prints it for vws open.',
  args: { '<clip>': 'the video' },
  options: {
    '--key <file>': keyOption,
    '--deep': 'search also videos that were cropped unevenly, mirrored or rotated; takes longer',
    '--json': 'print the result, or the error, as one line of JSON on standard output',
  },
  json: '{"message","profile","key","coherence":{"luma","chroma"}}; coherence is 1 for a perfect copy',
  notes: 'Preview format. The first use installs video support (180 MB).',
  examples: ['vws reveal clip.mp4 --key shared.key | vws open', 'vws reveal clip.mp4 --key - --deep > note.vws'],
  async run({ clip, key, deep, json }, shell) {
    requireClip(clip);
    const keyText = await readKeyText(key, shell);
    const video = await loadVideo();
    const keys = [await deriveKey(keyText, video.sharedKey), video.publicKey()];
    const progress = new Progress(shell);
    const onProgress = (share: number) => progress.show('Search', share);
    const found = await withInterrupt((signal) => video.reveal(clip, { keys, deep, signal, onProgress })).catch(
      (error) => {
        progress.end();
        return rethrow(error, clip, '', shell);
      },
    );
    progress.end();
    if (found === undefined) {
      const hint = deep ? '' : ' (--deep searches further.)';
      throw new CommandError(`No message for this key was found in ${basename(clip)}.${hint}`, 'no_payload');
    }
    const { payload, profile, keyIndex, coherence } = found;
    const message = Buffer.from(payload).toString('base64url');
    if (json) shell.print(JSON.stringify({ message, profile, key: keys[keyIndex]?.kind, coherence }));
    else shell.print(message);
  },
});
