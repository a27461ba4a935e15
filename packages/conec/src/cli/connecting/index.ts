/**
 * How a command becomes a Client of a Coordinator, which path it takes to a peer, and how errors of the library are told.
 *
 * @module
 */

export { APPLICATION_CODES, PROTOCOLS, turnAway } from "./application.ts";
export { type CertificateFacts, certificateFacts, day, daysLeft, expiryWarning } from "./certificate-facts.ts";
export {
	type Connection,
	connect,
	givenIdentity,
	incomingOf,
	LOCAL_COORDINATOR_FILE,
	openTo,
	type PreparedClient,
	prepareClient,
	readNamed,
} from "./connection.ts";
export { explainError, isWithoutWay } from "./explain-error.ts";
export { addressField, checkPathOption, explainPeer, pathChoice, pathSettled, pathTaken, tellPath } from "./path.ts";
export { answerOther, answerOthers } from "./ping-echo.ts";
