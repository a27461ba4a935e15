#!/bin/sh
# Certbot runs this after it has renewed a certificate (--deploy-hook). RENEWED_LINEAGE is the directory with the new files.
# The Coordinator runs as a user that may not read that directory, so it gets copies, and then it is told to read them.
set -eu

source=${RENEWED_LINEAGE:?certbot sets it}
target=${CONEC_CERTIFICATES:-/etc/conec}
group=${CONEC_GROUP:-conec}

# A file is replaced in one step, so nobody ever reads half of one.
replace() {
	install -m "$3" -g "$group" "$1" "$2.new"
	mv -f "$2.new" "$2"
}

replace "$source/fullchain.pem" "$target/fullchain.pem" 0644
replace "$source/privkey.pem" "$target/privkey.pem" 0640

# Connections stay. If a file cannot be used, the Coordinator says so in its log and goes on with the old one.
${CONEC_RELOAD:-systemctl try-reload-or-restart conec-coordinator.service}
