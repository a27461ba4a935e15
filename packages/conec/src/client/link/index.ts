/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { type CoordinatorLinkParts, formatLink, parseLink, placeText } from "./link.ts";
