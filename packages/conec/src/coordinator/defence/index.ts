/**
 * What the Coordinator does against too much from one side, counted.
 *
 * @module
 */

export { Defence, type DefenceAction, type DefenceCount, type DefenceStatus, type DefenceSubject, type Whom } from "./defence.ts";
