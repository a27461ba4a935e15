/** A kind of router. The words are explained in `lab/natlab.sh`. */
export type NatKind = "none" | "fw" | "full" | "addr" | "port" | "sym" | "symseq" | "blocked";

/** From the easiest to the hardest. */
export const NAT_KINDS: readonly NatKind[] = ["none", "fw", "full", "addr", "port", "sym", "symseq", "blocked"];
