/**
 * How much one Client may send to others, and who goes first when a line is full.
 *
 * @module
 */

export { Bandwidth } from "./bandwidth.ts";
