// `vws hide`: hides a message in a video.
import { defineCommand } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { readInput } from '../readInput.ts';
import type { Shell } from '../terminal/shell.ts';
import { hideInFile, outputPath, requireClip } from '../video/hideInFile.ts';
import { deriveKey, keyOption, readKeyText } from '../video/readKey.ts';
import { loadVideo } from '../video/support.ts';

export const command = defineCommand({
  name: 'hide',
  description:
    'Hides what vws send or vws encrypt printed in a copy of a video. The copy looks and sounds like the original. Before it is ' +
    'handed out, the message is read back from it and from a copy of low quality (480p). A token of vws send is short: it needs ' +
    'less of the picture and survives more than a message of vws encrypt.',
  args: { '<clip>': 'the video, at least 5 seconds long' },
  options: {
    '--key <file>': keyOption,
    '--file <path>': 'the token or message (default: standard input). Whitespace in it is ignored',
    '--out <path>': 'the copy (default: clip.vws.mp4 next to clip.mp4)',
    '--force': 'replace an existing file',
    '--strong': 'hide at higher strength at once: more robust, less invisible',
    '--json': 'print the result, or the error, as one line of JSON on standard output',
  },
  json: '{"file","profile","strength","psnr","verified"}',
  notes:
    'Preview format: a later version may not find what this one hides. The first use installs video support (180 MB).\n\n' +
    'Only those who have the key can find the message. It stays encrypted: they also need the login of the recipient to open it.',
  examples: [
    'vws send bob < note.txt | vws hide clip.mp4 --key shared.key',
    'vws hide clip.mp4 --key - --file note.vws --out holiday.mp4',
  ],
  async run({ clip, key, file, out, force, strong, json }, shell) {
    requireClip(clip);
    const path = outputPath(clip, out, force);
    if (key === '-' && !shell.isTerminal && (file === undefined || file === '-')) {
      throw new UsageError('The key and the message cannot both come from standard input. Use --file.');
    }
    const keyText = await readKeyText(key, shell);
    const payload = await readPayload(file, shell);
    const video = await loadVideo();
    const patternKey = await deriveKey(keyText, video.sharedKey);
    const hidden = await hideInFile(video, { clip, payload, key: patternKey, out: path, force, strong }, shell);
    if (json) shell.print(JSON.stringify(hidden.result));
    else shell.note(`Wrote ${hidden.result.file} (${hidden.size}).   Preview format.`);
  },
});

/** The bytes of a message. */
async function readPayload(file: string | undefined, shell: Shell): Promise<Uint8Array> {
  const text = new TextDecoder().decode(await readInput(file, shell, 'the message')).replace(/\s+/g, '');
  const bytes = Buffer.from(text, 'base64url');
  if (text === '' || bytes.toString('base64url') !== text) {
    throw new CommandError(
      'The input is not a message. Send or encrypt the text first: vws send <username>',
      'undecryptable_message',
    );
  }
  return bytes;
}
