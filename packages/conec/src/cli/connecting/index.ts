/**
 * How a command becomes a Client of a Coordinator, which path it takes to a peer, and how errors of the library are told.
 *
 * @module
 */

export { answerBusy, type FirstCaller, firstCaller, turnAwayUnnamed } from "./answers.ts";
export { COORDINATOR_NAMES, namedAsTyped } from "./as-typed.ts";
export { type CertificateFacts, certificateFacts, day, daysLeft, expiryWarning } from "./certificate-facts.ts";
export { type Connection, connect, connectClient, connectToStay, givenIdentity, type PreparedClient, prepareClient } from "./connection.ts";
export { explainError, isWithoutWay } from "./explain-error.ts";
export { readCertificatesNamed, readNamed } from "./named-file.ts";
export { addressField, checkPathOption, explainPeer, pathChoice, pathSettled, pathTaken, tellPath } from "./path.ts";
export { APPLICATION_CODES, PROTOCOLS, turnAway } from "./protocols.ts";
export { onceHere, openTo } from "./reach-peer.ts";
export { type LineCounts, sendLines } from "./send-lines.ts";
export { secondsMs, survivalMs } from "./timeout.ts";
export { coordinatorOptions, LOCAL_COORDINATOR_FILE } from "./which-coordinator.ts";
