/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { type Place, Places, type PlacesLimits } from "./places.ts";
