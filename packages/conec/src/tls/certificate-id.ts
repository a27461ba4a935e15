/**
 * The id in a certificate: its only DNS name, byte for byte an id of Conec. Nothing is normalised and no claim is
 * compared, so one certificate can stand for one id only.
 *
 * @module
 */

import { ConecError } from "../errors.ts";
import { idProblem } from "../wire/ids.ts";
import { readCertificate } from "./certificate.ts";

/**
 * The id of a DER certificate.
 *
 * @throws ConecError `CERTIFICATE_INVALID` for what is no certificate, `CERTIFICATE_REFUSED` for one that is not for
 * exactly one id: no SubjectAltName (a common name does not count), several, one that is not a DNS name, a wildcard,
 * upper case, a trailing dot, or anything else that is not an id
 */
export function certificateId(der: Uint8Array): string {
	const names = readCertificate(der).alternativeNames;
	const [name] = names;
	if (name === undefined) throw refused("it has no SubjectAltName");
	if (names.length > 1) throw refused(`it has ${names.length} names, not one`);
	if (name.kind !== DNS_NAME) throw refused("its name is not a DNS name");
	const id = Buffer.from(name.bytes).toString("latin1");
	const problem = idProblem(id);
	if (problem !== undefined) throw refused(`its name ${JSON.stringify(id)} is not an id: it ${problem}`);
	return id;
}

const DNS_NAME = 2;

function refused(problem: string): ConecError {
	return new ConecError("CERTIFICATE_REFUSED", `Cannot take an id from the certificate: ${problem}`);
}
