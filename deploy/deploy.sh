#!/usr/bin/env bash
# Puts the service into a Google Cloud project, or brings it up to date: PROJECT=my-project deploy/deploy.sh
# What is there as it should be stays as it is: run twice, the second run changes nothing. docs/deploy.md explains.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${PROJECT:?name the project: PROJECT=my-project deploy/deploy.sh}"
REGION=${REGION:-europe-west1}
SERVICE=${SERVICE:-cantilena}
STORAGE_BUCKET=${STORAGE_BUCKET:-$PROJECT-songs}
VOICEBANK_BUCKET=${VOICEBANK_BUCKET:-$PROJECT-voicebanks}
VOICEBANK=${VOICEBANK:-assets/voicebanks/Vesper_1.0}
FIRESTORE_DATABASE=${FIRESTORE_DATABASE:-(default)}
FIREBASE_PROJECT=${FIREBASE_PROJECT:-$PROJECT}
ALLOWED_ORIGINS=${ALLOWED_ORIGINS:-}
INSTANCES=${INSTANCES:-3}
CANTILENA=${CANTILENA:-.venv/bin/cantilena}

QUEUE=$SERVICE-songs
SECRET=$SERVICE-link-key
RUN_ACCOUNT=$SERVICE-run@$PROJECT.iam.gserviceaccount.com
TASKS_ACCOUNT=$SERVICE-tasks@$PROJECT.iam.gserviceaccount.com
changes=0

gc() { gcloud "$@" --project="$PROJECT" --quiet; }
exists() { gc "$@" >/dev/null 2>&1; }
look() { python3 -IS deploy/look.py "$@"; }
change() {  # say what is changed, and change it
  changes=$((changes + 1))
  printf '+ %s\n' "$*" >&2
  gc "$@"
}
grant() {  # grant KIND NAME MEMBER ROLE CONDITION [FLAG...]: a role on one thing, and on nothing else
  local kind pause name=$2 member=$3 role=$4 condition=$5
  read -r -a kind <<<"$1"
  shift 5
  if gc "${kind[@]}" get-iam-policy "$name" "$@" --format=json | look binding "$role" "$member" "$condition"; then
    return
  fi
  local flags=("$@" --member="$member" --role="$role")
  if [ -n "$condition" ]; then
    flags+=(--condition="title=$SERVICE,expression=$condition")
  elif [ "${kind[0]}" != tasks ]; then  # queues know no conditions
    flags+=(--condition=None)
  fi
  for pause in 2 4 8 16; do  # an account that was made just now is not known everywhere yet
    change "${kind[@]}" add-iam-policy-binding "$name" "${flags[@]}" >/dev/null && return
    sleep "$pause"
  done
  return 1
}
rules_api() {  # rules_api METHOD PATH [BODY]: Firebase's rules have no commands of their own
  curl --silent --show-error --fail --max-time 30 --request "$1" "https://firebaserules.googleapis.com/v1/$2" \
    --header "Authorization: Bearer $(gcloud auth print-access-token)" --header "X-Goog-User-Project: $PROJECT" \
    --header "Content-Type: application/json" ${3:+--data "$3"}
}
publish_rules() {  # publish_rules RELEASE FILE
  local release=projects/$PROJECT/releases/$1 file=$2 ruleset method=PATCH path body
  ruleset=$(rules_api GET "$release" 2>/dev/null | look name) || ruleset=
  if [ -n "$ruleset" ] && rules_api GET "$ruleset" | look same_rules "$file"; then
    return
  fi
  changes=$((changes + 1))
  printf '+ publish %s as %s\n' "$file" "$1" >&2
  path=$release body='{"release": {"name": "%s", "rulesetName": "%s"}}'
  if [ -z "$ruleset" ]; then
    method=POST path=projects/$PROJECT/releases body='{"name": "%s", "rulesetName": "%s"}'
  fi
  ruleset=$(rules_api POST "projects/$PROJECT/rulesets" "$(look ruleset "$file")" | look name)
  # shellcheck disable=SC2059 -- the format is one of the two above
  rules_api "$method" "$path" "$(printf "$body" "$release" "$ruleset")" >/dev/null
}

echo "The services of Google that are used" >&2
enabled=$(gc services list --enabled --format='value(config.name)')
for api in run cloudbuild artifactregistry firestore cloudtasks secretmanager storage iam logging firebaserules \
  identitytoolkit; do
  grep -qx "$api.googleapis.com" <<<"$enabled" || change services enable "$api.googleapis.com"
done
number=$(gc projects describe "$PROJECT" --format='value(projectNumber)')
SERVICE_URL=${SERVICE_URL:-https://$SERVICE-$number.$REGION.run.app}

echo "Accounts: the service runs as one, Cloud Tasks calls it as the other" >&2
exists iam service-accounts describe "$RUN_ACCOUNT" ||
  change iam service-accounts create "$SERVICE-run" --display-name="Cantilena, the service"
exists iam service-accounts describe "$TASKS_ACCOUNT" ||
  change iam service-accounts create "$SERVICE-tasks" --display-name="Cantilena, its queue"
grant "iam service-accounts" "$TASKS_ACCOUNT" "serviceAccount:$RUN_ACCOUNT" roles/iam.serviceAccountUser ""

echo "Buckets: voicebanks are only read by the service, scores and audio lie below sessions/" >&2
for bucket in "$VOICEBANK_BUCKET" "$STORAGE_BUCKET"; do
  exists storage buckets describe "gs://$bucket" ||
    change storage buckets create "gs://$bucket" --location="$REGION" --uniform-bucket-level-access \
      --public-access-prevention --soft-delete-duration=0
done
lifecycle=$(gc storage buckets describe "gs://$STORAGE_BUCKET" --format='value(lifecycle_config)')
if [ -z "$lifecycle" ]; then
  change storage buckets update "gs://$STORAGE_BUCKET" --lifecycle-file=deploy/lifecycle.json
elif [[ $lifecycle != *sessions/* ]]; then  # somebody's own: theirs must stay
  echo "! gs://$STORAGE_BUCKET has rules of its own: add that of deploy/lifecycle.json, or audio is kept for ever" >&2
fi
grant "storage buckets" "gs://$VOICEBANK_BUCKET" "serviceAccount:$RUN_ACCOUNT" roles/storage.objectViewer ""
if [ "$STORAGE_BUCKET" = "$VOICEBANK_BUCKET" ]; then  # one bucket for both: writing is for the sessions alone
  below="resource.name.startsWith(\"projects/_/buckets/$STORAGE_BUCKET/objects/sessions/\")"
  grant "storage buckets" "gs://$STORAGE_BUCKET" "serviceAccount:$RUN_ACCOUNT" roles/storage.objectUser "$below"
else
  grant "storage buckets" "gs://$STORAGE_BUCKET" "serviceAccount:$RUN_ACCOUNT" roles/storage.objectUser ""
fi

echo "Firestore: sessions and jobs" >&2
database=(--database="$FIRESTORE_DATABASE")
exists firestore databases describe "${database[@]}" ||
  change firestore databases create "${database[@]}" --location="$REGION" --type=firestore-native --delete-protection
in_database="resource.name==\"projects/$PROJECT/databases/$FIRESTORE_DATABASE\""
grant projects "$PROJECT" "serviceAccount:$RUN_ACCOUNT" roles/datastore.user "$in_database"
composites=$(gc firestore indexes composite list "${database[@]}" --format=json)
while read -r -a flags <&3; do
  change firestore indexes composite create "${database[@]}" "${flags[@]}" --async
done 3< <(look composites firestore.indexes.json <<<"$composites")
exempted=$(gc firestore indexes fields list "${database[@]}" --format=json)
while read -r -a flags <&3; do
  change firestore indexes fields update "${flags[@]}" "${database[@]}" --disable-indexes --async
done 3< <(look exemptions firestore.indexes.json <<<"$exempted")
expiring=$(gc firestore fields ttls list "${database[@]}" --format=json)
while read -r -a flags <&3; do
  change firestore fields ttls update "${flags[@]}" "${database[@]}" --enable-ttl --async
done 3< <(look expiries firestore.indexes.json <<<"$expiring")
release=cloud.firestore
[ "$FIRESTORE_DATABASE" = "(default)" ] || release=cloud.firestore/$FIRESTORE_DATABASE
publish_rules "$release" firestore.rules
if rules_api GET "projects/$PROJECT/releases/firebase.storage/$STORAGE_BUCKET" >/dev/null 2>&1; then
  publish_rules "firebase.storage/$STORAGE_BUCKET" storage.rules  # only a bucket of Firebase can be reached by clients
fi

echo "The queue: as many songs at once as there are instances" >&2
settings=(--max-concurrent-dispatches="$INSTANCES" --max-dispatches-per-second=10 --max-attempts=-1
  --max-retry-duration=7200s --min-backoff=2s --max-backoff=30s --max-doublings=4)
if ! exists tasks queues describe "$QUEUE" --location="$REGION"; then
  change tasks queues create "$QUEUE" --location="$REGION" "${settings[@]}"
elif [ "$(gc tasks queues describe "$QUEUE" --location="$REGION" \
  --format='value(rateLimits.maxConcurrentDispatches)')" != "$INSTANCES" ]; then
  change tasks queues update "$QUEUE" --location="$REGION" "${settings[@]}"
fi
grant "tasks queues" "$QUEUE" "serviceAccount:$RUN_ACCOUNT" roles/cloudtasks.enqueuer "" --location="$REGION"
grant "tasks queues" "$QUEUE" "serviceAccount:$RUN_ACCOUNT" roles/cloudtasks.viewer "" --location="$REGION"

echo "The secret that links are signed with" >&2
exists secrets describe "$SECRET" || change secrets create "$SECRET" --replication-policy=automatic
if [ -z "$(gc secrets versions list "$SECRET" --filter=state:ENABLED --limit=1 --format='value(name)')" ]; then
  change secrets versions add "$SECRET" --data-file=- \
    < <(python3 -c 'import secrets; print(secrets.token_urlsafe(48), end="")')
fi
grant secrets "$SECRET" "serviceAccount:$RUN_ACCOUNT" roles/secretmanager.secretAccessor ""

echo "Metrics, from what is logged" >&2
metrics=$(gc logging metrics list --format='value(name)')
for file in deploy/metrics/*.yaml; do
  metric=$(basename "$file" .yaml)
  grep -qx "$metric" <<<"$metrics" || change logging metrics create "$metric" --config-from-file="$file"
done

links="resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"$SERVICE\""
links+=' AND httpRequest.requestUrl:"token="'  # what Cloud Run logs of a link is the link
grep -q "$SERVICE-links" <<<"$(gc logging sinks describe _Default --format='value(exclusions.name)')" ||
  change logging sinks update _Default --add-exclusion="name=$SERVICE-links,filter=$links"

echo "The image" >&2
exists artifacts repositories describe "$SERVICE" --location="$REGION" ||
  change artifacts repositories create "$SERVICE" --location="$REGION" --repository-format=docker
sources=(Dockerfile .dockerignore pyproject.toml README.md LICENSE NOTICE requirements/serve.txt src/cantilena)
image=$REGION-docker.pkg.dev/$PROJECT/$SERVICE/$SERVICE:$(look digest "${sources[@]}")
exists artifacts docker images describe "$image" || change builds submit . --tag="$image"

echo "The voice" >&2
APP_ENV=local GOOGLE_CLOUD_PROJECT=$PROJECT VOICEBANK_BUCKET=$VOICEBANK_BUCKET VOICEBANK_PREFIX=assets/voicebanks \
  "$CANTILENA" voicebank push "$VOICEBANK"

echo "The service" >&2
environment=$(mktemp)
trap 'rm -f "$environment"' EXIT
look fill env/prod.yaml PROJECT="$PROJECT" FIRESTORE_DATABASE="$FIRESTORE_DATABASE" STORAGE_BUCKET="$STORAGE_BUCKET" \
  VOICEBANK_BUCKET="$VOICEBANK_BUCKET" VOICEBANK_DEFAULT="$(basename "$VOICEBANK")" \
  FIREBASE_PROJECT="$FIREBASE_PROJECT" ALLOWED_ORIGINS="$ALLOWED_ORIGINS" SERVICE_URL="$SERVICE_URL" \
  TASKS_QUEUE="projects/$PROJECT/locations/$REGION/queues/$QUEUE" TASKS_SERVICE_ACCOUNT="$TASKS_ACCOUNT" >"$environment"
run=(--region="$REGION" --image="$image" --service-account="$RUN_ACCOUNT"
  --update-secrets="LINK_SIGNING_KEY=$SECRET:latest"
  --cpu=2 --memory=4Gi --concurrency=200 --timeout=1860 --min-instances=0 --max-instances="$INSTANCES"
  --execution-environment=gen2 --cpu-boost --cpu-throttling --no-session-affinity
  --startup-probe=httpGet.path=/health,periodSeconds=1,timeoutSeconds=1,failureThreshold=60
  --liveness-probe=httpGet.path=/health,periodSeconds=30,timeoutSeconds=5,failureThreshold=3
  --ingress=all --allow-unauthenticated)
state=$(printf '%s\n' "${run[@]}" | cat - "$environment" | python3 -c \
  'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])')
deployed=$(gc run services describe "$SERVICE" --region="$REGION" --format='value(metadata.labels.state)' 2>/dev/null) ||
  deployed=
if [ "$deployed" != "$state" ]; then
  change run deploy "$SERVICE" "${run[@]}" --env-vars-file="$environment" --labels=state="$state"
fi

printf 'changes: %s\n%s\n' "$changes" "$SERVICE_URL"
