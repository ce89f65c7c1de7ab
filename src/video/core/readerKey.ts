// A pattern key as the reader uses it: its template and carriers for the grids that were searched.
import { CarrierTable, CHROMA, type Channel, codeOrder } from './carriers.ts';
import { chromaGrid, type Grid } from './grid.ts';
import type { Profile } from './profiles.ts';
import { TEMPLATE_PLANES, templatePlane } from './template.ts';

/** Computes the planes and carriers of a key when they are first used. */
export class ReaderKey {
  readonly bytes: Uint8Array;
  readonly #planes: Int8Array[] = [];
  readonly #orders = new Map<number, Uint32Array>();
  readonly #carriers = new Map<string, CarrierTable>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The template plane of segment k of the template cycle. */
  plane(k: number): Int8Array {
    const plane = k % TEMPLATE_PLANES;
    this.#planes[plane] ??= templatePlane(this.bytes, plane);
    return this.#planes[plane];
  }

  /** The positions of the code bits of a profile in the order of the segments. */
  order(profile: Profile): Uint32Array {
    const order = this.#orders.get(profile.id) ?? codeOrder(this.bytes, profile);
    this.#orders.set(profile.id, order);
    return order;
  }

  /** @param grid of the luma channel, for both channels */
  carriers(profile: Profile, channel: Channel, grid: Grid): CarrierTable {
    const name = `${profile.id} ${channel} ${grid.columns}x${grid.rows}`;
    let table = this.#carriers.get(name);
    if (table === undefined) {
      const channelGrid = channel === CHROMA ? chromaGrid(grid) : grid;
      table = new CarrierTable(this.bytes, profile, channel, channelGrid, this.order(profile));
      this.#carriers.set(name, table);
    }
    return table;
  }
}
