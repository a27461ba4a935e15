import assert from "node:assert/strict";
import { test } from "node:test";
import { gatewaysOf } from "./gateways.ts";
import { controlOf, faultOf, searchMessage, soapBody, textOf } from "./upnp-messages.ts";

const DESCRIPTION = `<?xml version="1.0"?><root><device><deviceList><device><serviceList>
<service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/ctl/L3F</controlURL></service>
<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><SCPDURL>/WANIPCn.xml</SCPDURL><controlURL>/ctl/IPConn</controlURL></service>
</serviceList></device></deviceList></device></root>`;

test("UPnP: the service for port mappings is found in a description, at the router's own address", () => {
	assert.deepEqual(controlOf(DESCRIPTION, "http://10.0.1.1:5000/rootDesc.xml"), {
		url: "http://10.0.1.1:5000/ctl/IPConn",
		service: "urn:schemas-upnp-org:service:WANIPConnection:1",
	});
	const second = DESCRIPTION.replace("WANIPConnection:1", "WANIPConnection:2");
	assert.equal(controlOf(second, "http://10.0.1.1:5000/")?.service, "urn:schemas-upnp-org:service:WANIPConnection:2");
	for (const none of ["", "<service>", DESCRIPTION.replace("WANIPConnection:1", "Other:1"), DESCRIPTION.replace("/ctl/IPConn", "http://[")])
		assert.equal(controlOf(none, "http://10.0.1.1:5000/rootDesc.xml"), undefined);
});

test("UPnP: requests name the service and the action, and nothing can break out of a field", () => {
	const body = soapBody("urn:x:1", "AddPortMapping", { NewExternalPort: 5, NewPortMappingDescription: "<a>&" });
	assert.match(
		body,
		/<u:AddPortMapping xmlns:u="urn:x:1"><NewExternalPort>5<\/NewExternalPort><NewPortMappingDescription>&lt;a&gt;&amp;<\/NewPortMappingDescription>/,
	);
	assert.match(searchMessage().toString(), /^M-SEARCH \* HTTP\/1\.1\r\n[\s\S]*\r\n\r\n$/);
});

test("UPnP: values and faults are read with any prefix, and rubbish is none", () => {
	assert.equal(textOf("<a><u:NewExternalIPAddress> 45.33.1.1 </u:NewExternalIPAddress></a>", "NewExternalIPAddress"), "45.33.1.1");
	assert.equal(textOf("<NewExternalIPAddress></NewExternalIPAddress>", "NewExternalIPAddress"), undefined);
	assert.deepEqual(
		faultOf("<s:Fault><detail><UPnPError><errorCode>718</errorCode><errorDescription>Conflict</errorDescription></UPnPError></detail></s:Fault>"),
		{
			code: 718,
			words: "Conflict",
		},
	);
	assert.deepEqual(faultOf("not XML"), { code: undefined, words: "refused" });
});

test("port mapping: the router of the default route is read from /proc/net/route, the one of the least metric first", () => {
	const head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT";
	const line = (gateway: string, metric: number, destination = "00000000", flags = "0003"): string =>
		`eth0\t${destination}\t${gateway}\t${flags}\t0\t0\t${metric}\t00000000\t0\t0\t0`;
	const routes = [head, line("0101000A", 600), line("0102000A", 100), line("0103000A", 1, "0001000A"), line("00000000", 1), ""].join("\n");
	assert.deepEqual(gatewaysOf(routes), ["10.0.2.1", "10.0.1.1"]);
	assert.deepEqual(gatewaysOf(""), []);
});
