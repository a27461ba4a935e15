/** A kind of router. The words are explained in `lab/natlab.sh`. */
export type NatKind = "none" | "fw" | "full" | "addr" | "port" | "reject" | "masq" | "eim" | "adm" | "sym" | "symseq" | "blocked";

/** From the easiest to the hardest. */
export const NAT_KINDS: readonly NatKind[] = ["none", "fw", "full", "addr", "port", "reject", "masq", "eim", "adm", "sym", "symseq", "blocked"];

/** A router, perhaps with a hairpin: machines behind it reach each other at its public address. */
export type RouterKind = NatKind | "full+hairpin" | "addr+hairpin" | "port+hairpin";
