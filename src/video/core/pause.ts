// The callback by which long computations of the core yield and can be aborted.

/** Awaited every few milliseconds: yields to other work if it is time to. What it throws ends the computation. */
export type Pause = () => Promise<void>;
