// Registers the codecs of FFmpeg with mediabunny. Node.js has none of its own; setup installs this package on first use.
import { registerMediabunnyServer } from '@mediabunny/server';

registerMediabunnyServer();
