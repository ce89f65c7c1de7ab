// The active rectangle of a clip: the picture without black bars.
import type { Rectangle } from './grid.ts';
import { type Orientation, turnSize } from './orient.ts';
import type { Picture } from './picture.ts';

/** A luma sample above this is not black. */
const DARK = 26;

/** Share of a dark row that may be brighter. */
const BRIGHT_SHARE = 0.01;

/** Share of an axis that a bar may have. */
const LONGEST_BAR = 0.4;

/** Thinner bars are noise of the edge. */
const THINNEST_BAR = 4;

/** Pictures from which a rectangle is decided. */
const SAMPLES = 8;

/** Black pictures are skipped up to this time. */
const LATEST_SECONDS = 2;

/** The part of an axis that is not dark. It is black if only the limit of the bars ended it, on both sides. */
interface Range {
  readonly start: number;
  readonly end: number;
  readonly isBlack: boolean;
}

/**
 * Finds the active rectangle from the first pictures of a clip.
 *
 * @example
 * for (const { picture, time } of pictures) if (detector.add(picture, time)) break;
 * const rectangle = detector.rectangle;
 */
export class BarDetector {
  readonly #orientation: Orientation;
  readonly #width: number;
  readonly #height: number;
  /** 1 for each row and column that was not dark in a picture. */
  readonly #brightRows: Uint8Array;
  readonly #brightColumns: Uint8Array;
  readonly #columnCounts: Uint32Array;
  #count = 0;
  #rectangle: Rectangle | undefined;

  /**
   * @param width of the stored pictures
   * @param height likewise
   */
  constructor(width: number, height: number, orientation: Orientation) {
    this.#orientation = orientation;
    this.#width = width;
    this.#height = height;
    this.#brightRows = new Uint8Array(height);
    this.#brightColumns = new Uint8Array(width);
    this.#columnCounts = new Uint32Array(width);
  }

  /**
   * Adds the next picture of the clip.
   *
   * @param time in seconds since the first picture
   * @returns true if the rectangle is decided
   */
  add(picture: Picture, time: number): boolean {
    if (this.#rectangle !== undefined) return true;
    this.#mark(picture);
    this.#count++;
    if (this.#count < SAMPLES) return false;
    const found = this.#decide();
    if (found !== undefined) this.#rectangle = found;
    else if (time >= LATEST_SECONDS) this.#rectangle = this.#whole();
    this.#count = 0;
    this.#brightRows.fill(0);
    this.#brightColumns.fill(0);
    return this.#rectangle !== undefined;
  }

  /** The active rectangle as displayed. For a clip that ended early it is that of the pictures since the last black ones. */
  get rectangle(): Rectangle {
    if (this.#rectangle !== undefined) return this.#rectangle;
    return (this.#count > 0 ? this.#decide() : undefined) ?? this.#whole();
  }

  #mark({ y, strideY }: Picture): void {
    const width = this.#width;
    const counts = this.#columnCounts.fill(0);
    for (let row = 0; row < this.#height; row++) {
      let bright = 0;
      for (let x = 0; x < width; x++)
        if (y[row * strideY + x]! > DARK) {
          bright++;
          counts[x] = counts[x]! + 1;
        }
      if (bright > BRIGHT_SHARE * width) this.#brightRows[row] = 1;
    }
    for (let x = 0; x < width; x++) if (counts[x]! > BRIGHT_SHARE * this.#height) this.#brightColumns[x] = 1;
  }

  /** @returns undefined if the pictures were black */
  #decide(): Rectangle | undefined {
    const { rotation, isMirrored } = this.#orientation;
    const isTurned = rotation === 90 || rotation === 270;
    let columns = isTurned ? this.#brightRows : this.#brightColumns;
    let rows = isTurned ? this.#brightColumns : this.#brightRows;
    // The left side of the display is stored at the end of its axis if turned by 90° or 180°, the top if by 180° or 270°.
    if ((rotation === 90 || rotation === 180) !== isMirrored) columns = columns.toReversed();
    if (rotation === 180 || rotation === 270) rows = rows.toReversed();
    const across = rangeOf(columns);
    const down = rangeOf(rows);
    if (across.isBlack || down.isBlack) return undefined;
    return evenRectangle(across, down);
  }

  #whole(): Rectangle {
    const { width, height } = turnSize(this.#orientation, { width: this.#width, height: this.#height });
    return { x: 0, y: 0, width, height };
  }
}

function rangeOf(bright: Uint8Array): Range {
  const length = bright.length;
  const limit = Math.floor(LONGEST_BAR * length);
  let before = 0;
  while (before < limit && bright[before] === 0) before++;
  let after = 0;
  while (after < limit && bright[length - 1 - after] === 0) after++;
  if (before < THINNEST_BAR && after < THINNEST_BAR) return { start: 0, end: length, isBlack: false };
  return { start: before, end: length - after, isBlack: before === limit && after === limit };
}

/** Rounds the edges inwards to even samples, which chroma samples need. */
function evenRectangle(across: Range, down: Range): Rectangle {
  const x = across.start + (across.start & 1);
  const y = down.start + (down.start & 1);
  return { x, y, width: (across.end - x) & ~1, height: (down.end - y) & ~1 };
}
