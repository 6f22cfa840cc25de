#!/bin/sh
# Makes the secrets that compose.yaml mounts, in deploy/secrets/ (or the directory given). Keeps what is there.
set -eu
umask 077
directory=${1:-$(dirname "$0")/secrets}
mkdir -p "$directory"
cd "$directory"

new_password() {
    [ -s "$1" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$1"
}

for name in postgres_password owner_password worker_password read_password queue_password grafana_password; do
    new_password "$name"
done

printf 'postgresql://frontwire_owner:%s@postgres/frontwire' "$(cat owner_password)" >owner_database_url
printf 'postgresql://frontwire_worker:%s@postgres/frontwire' "$(cat worker_password)" >worker_database_url
printf 'redis://frontwire:%s@valkey:6379/0' "$(cat queue_password)" >redis_url

# Valkey's users: Frontwire may touch the queue's keys and nothing else; without a password one may ask whether the
# server lives, for the health check. The file holds the hash, not the password.
hash=$(tr -d '\n' <queue_password | sha256sum | cut -d' ' -f1)
cat >valkey_users.acl <<USERS
user default on nopass resetkeys resetchannels -@all +ping
user frontwire on #$hash ~rq:* resetchannels +@all -@admin -@dangerous +info +client|list +client|setname
USERS

# Whom watches tell. Nobody at first: yours to fill, a line `name url` for each (docs/watches.md).
[ -e alert_targets ] || : >alert_targets

# A container reads a secret as its own, unprivileged user; the directory keeps everybody else on the machine out.
chmod 644 ./*
chmod 700 .
echo "secrets are in $(pwd)"
