// Reads a payload from the pictures of a clip, while they are decoded.
import type { Place } from './cuts.ts';
import type { Rectangle } from './grid.ts';
import { displaySize, type Layout, layoutOf, type PictureShape } from './layout.ts';
import { type Orientation, turnSize, UPRIGHT } from './orient.ts';
import type { Pause } from './pause.ts';
import type { Picture } from './picture.ts';
import { ReaderKey } from './readerKey.ts';
import { type FoundWithKey, Search } from './search.ts';
import { ThumbReader } from './thumbs.ts';
import { ThumbWindow } from './window.ts';

/** First attempts, in slices: a cycle of 5 or 10 s and 2 s more. Then one attempt every 5 s. */
const FIRST_ATTEMPT = 70;
const NEXT_ATTEMPT = 50;

/** Slices after which pictures cut at the sides are searched before the end of the clip. */
const FIRST_CUT_SEARCH = 150;

/** Orientations that a deep search tries. */
const TURNS: readonly Orientation[] = [
  { rotation: 0, isMirrored: true },
  { rotation: 90, isMirrored: false },
  { rotation: 180, isMirrored: false },
  { rotation: 270, isMirrored: false },
];

export interface ExtractorOptions {
  readonly shape: PictureShape;
  /** Active rectangle as displayed, from `BarDetector`. */
  readonly area: Rectangle;
  /** Pattern keys of 32 bytes. */
  readonly keys: readonly Uint8Array[];
  /** Searches further, for seconds per 10 s of video. */
  readonly deep?: boolean;
  readonly pause: Pause;
}

/** The result of a clip: `again` asks for all pictures from the first one, for a closer look at a place found. */
export type Result = FoundWithKey | 'nothing' | 'damaged' | 'again';

/**
 * Extracts a payload.
 *
 * @example
 * for (;;) {
 *   for await (const { picture, time, duration } of decode(clip)) {
 *     const found = await extractor.add(picture, time, duration);
 *     if (found) return found;
 *   }
 *   const result = await extractor.finish();
 *   if (result !== 'again') return result;
 * }
 */
export class Extractor {
  readonly #options: ExtractorOptions;
  readonly #keys: readonly ReaderKey[];
  readonly #layout: Layout;
  #reader: ThumbReader;
  #window: ThumbWindow;
  #search: Search;
  #nextAttempt = FIRST_ATTEMPT;
  #hasSearchedCuts = false;
  #isMarked = false;
  /** The place of the second look, with its start in slices of the clip. */
  #secondLook: Place | undefined;

  /** @throws RangeError if the picture has no grid (see `gridOf`) */
  constructor(options: ExtractorOptions) {
    const layout = layoutOf(options.shape, options.area);
    if (layout === undefined) throw new RangeError('no grid for this aspect ratio');
    this.#options = options;
    this.#layout = layout;
    this.#keys = options.keys.map((bytes) => new ReaderKey(bytes));
    this.#reader = new ThumbReader(layout);
    this.#window = new ThumbWindow(this.#reader.layout);
    this.#search = this.#createSearch();
  }

  /**
   * Adds the next picture.
   *
   * @param time in seconds since the first picture
   * @param duration in seconds, until the next picture
   * @returns the payload as soon as it can be read
   */
  async add(picture: Picture, time: number, duration: number): Promise<FoundWithKey | undefined> {
    await this.#options.pause();
    this.#window.add(this.#reader.read(picture), time + duration);
    if (this.#secondLook !== undefined || this.#window.end < this.#nextAttempt) return undefined;
    this.#nextAttempt += NEXT_ATTEMPT;
    const found = await this.#search.wholePicture(false);
    if (found || this.#hasSearchedCuts || this.#window.end < FIRST_CUT_SEARCH) return found;
    this.#hasSearchedCuts = true;
    return this.#search.cutPictures();
  }

  /** Ends the clip after its last picture. */
  async finish(): Promise<Result> {
    this.#window.finish();
    const found = await this.#lastAttempt();
    if (found) return found;
    this.#isMarked ||= this.#search.isMarked;
    const place = this.#search.bestRefined;
    if (this.#secondLook !== undefined || place === undefined) return this.#isMarked ? 'damaged' : 'nothing';
    this.#lookAgain(place);
    return 'again';
  }

  async #lastAttempt(): Promise<FoundWithKey | undefined> {
    if (this.#secondLook !== undefined) return this.#search.secondLook(this.#secondLook);
    const found = (await this.#search.wholePicture(true)) ?? (await this.#search.cutPictures());
    return found ?? (this.#options.deep ? this.#searchTurned() : undefined);
  }

  /** Searches pictures that were turned or mirrored after they were marked. */
  async #searchTurned(): Promise<FoundWithKey | undefined> {
    for (const orientation of TURNS) {
      const window = await this.#window.turned(orientation, this.#options.pause);
      const search = this.#createSearch(window, orientation);
      const found = (await search.wholePicture(true)) ?? (await search.cutPictures());
      if (found) return found;
      this.#isMarked ||= search.isMarked;
    }
    return undefined;
  }

  /** Prepares for the same pictures, reduced to thumbs that divide the grid of a place exactly. */
  #lookAgain(place: Place): void {
    this.#secondLook = place;
    this.#reader = new ThumbReader(this.#layout, place.geometry);
    this.#window = new ThumbWindow(this.#reader.layout);
    this.#search = this.#createSearch();
  }

  #createSearch(window = this.#window, orientation = UPRIGHT): Search {
    const { shape, area, deep = false, pause } = this.#options;
    const display = turnSize(orientation, displaySize(shape, area));
    return new Search(window, { keys: this.#keys, display, isDeep: deep, pause });
  }
}
