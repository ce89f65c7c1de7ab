// Progress bars on standard error, only at a terminal.
import type { Shell } from './shell.ts';

const BAR_CELLS = 20;
const LABEL_CELLS = 8;

/** Bars below each other, one for each stage. */
export class Progress {
  readonly #shell: Pick<Shell, 'showStatus'>;
  #label = '';
  #line = '';

  constructor(shell: Pick<Shell, 'showStatus'>) {
    this.#shell = shell;
  }

  /**
   * Shows how far a stage is. Another label starts another bar.
   *
   * @param share 0 to 1
   */
  show(label: string, share: number, remark = ''): void {
    if (label !== this.#label) this.end();
    const filled = Math.round(share * BAR_CELLS);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled);
    const percent = `${Math.floor(share * 100)}`.padStart(3);
    const line = `${label.padEnd(LABEL_CELLS)} ${bar} ${percent} %  ${remark}`.trimEnd();
    if (line === this.#line) return;
    this.#label = label;
    this.#line = line;
    this.#shell.showStatus(line);
  }

  /** Ends the line of the bar, if there is one. */
  end(): void {
    if (this.#line !== '') this.#shell.showStatus(undefined);
    this.#label = '';
    this.#line = '';
  }
}
