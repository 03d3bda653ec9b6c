// SPDX-License-Identifier: Apache-2.0

package config

// description is what an editor shows beside a key: one plain sentence, and the
// value that holds when the key is left out. A default that depends on others,
// or that has no value of its own, is told in the sentence.
type description struct {
	says  string
	usual any
}

// descriptions has one line for every key, by its path; `*` stands for a name
// that people give. A test holds that none is missing and none is left over.
func descriptions() map[string]description {
	return map[string]description{
		"":      {says: "The configuration of Usher: where people come from, which teams they form, and which apps get them."},
		"store": {says: "Where Usher keeps what it knows: the path of a SQLite file, or a postgres:// URL."},

		"calendar":              {says: "What day it is, and how days are counted."},
		"calendar.now":          {says: "A date or an RFC 3339 time that stands for now when starts, ends, leave and grace are counted; empty is the real clock."},
		"calendar.time_zone":    {says: "The IANA time zone, such as Europe/Berlin, in which dates without a zone are read.", usual: "UTC"},
		"calendar.prehire_days": {says: "How many days before the first day an account is made.", usual: 0},

		"sources":                   {says: "Where people come from."},
		"sources.*":                 {says: "One source; its name is part of every person's identity, so it stays as it is."},
		"sources.*.type":            {says: "What kind of source this is."},
		"sources.*.path":            {says: "The path of the file, relative to the directory in which Usher is started."},
		"sources.*.mode":            {says: "What the file holds: everybody, each time (snapshot), or what has changed (delta).", usual: ModeSnapshot},
		"sources.*.key":             {says: "The column that tells people apart for ever, such as a personnel number; never a name or an e-mail address."},
		"sources.*.columns":         {says: "The columns that expressions may read; others are never looked at."},
		"sources.*.optional":        {says: "Those of the columns that may be missing from the file."},
		"sources.*.encoding":        {says: "The file's character set, such as utf-8 or windows-1252; it is found out if none is given."},
		"sources.*.delimiter":       {says: "The one character between two cells; it is found out if none is given."},
		"sources.*.settle":          {says: "How long to wait for a file that changes or looks unfinished; 10s, if none is given."},
		"sources.*.match":           {says: "The attributes by which a row is found to be a person of an earlier source."},
		"sources.*.unmatched":       {says: "Whether a row that matches nobody waits for them, as it does if this is left out, or is somebody new (found)."},
		"sources.*.authority":       {says: "The attributes that this source states before all others."},
		"sources.*.deleted":         {says: "A condition (CEL) over row, in mode delta: the row says that its person is gone."},
		"sources.*.strictness":      {says: "Of type scim, how closely the provider's requests are held to the RFCs: rfc, entra, okta, lenient, interop-strict or ipsie; rfc, if none is given."},
		"sources.*.rate_limit":      {says: "Of type scim, how many requests a second the provider may send, each operation of a bulk request counting as one; 0 is no limit, and 100 is what holds if none is given."},
		"sources.*.experimental":    {says: "Of type scim, the resource types of Internet-Drafts that the provider may use: agents, roles, entitlements; they may change or go with any version."},
		"sources.*.oauth_clients":   {says: "Of type scim, the OAuth clients that may get access tokens, by their client ids."},
		"sources.*.person":          {says: "From a row to a person: a SCIM attribute, and the expression over the row that yields it."},
		"sources.*.person.*":        {says: "An expression (CEL) over row, or an object with the expression and what is asked of its value."},
		"sources.*.person.*.value":  {says: "The expression (CEL) over row."},
		"sources.*.person.*.unique": {says: "Makes of the value a name that nobody else in the organisation ever gets."},

		"sources.*.oauth_clients.*":                {says: "One client, which proves by what it has signed who it is (private_key_jwt); it has either keys or keys_file."},
		"sources.*.oauth_clients.*.algorithms":     {says: "The signatures that are taken of it; whatever its keys can make, if none are named."},
		"sources.*.oauth_clients.*.keys":           {says: "Its public keys as JSON Web Keys, four at most, so that a new one can stand beside an old one."},
		"sources.*.oauth_clients.*.keys.*":         {says: "One public key (RFC 7517)."},
		"sources.*.oauth_clients.*.keys.*.kty":     {says: "What kind of key this is: EC with P-256, RSA with 2048 bits or more, or OKP with Ed25519."},
		"sources.*.oauth_clients.*.keys.*.kid":     {says: "The key's name, which the client writes into the header of what it signs."},
		"sources.*.oauth_clients.*.keys.*.use":     {says: "What the key is for, which can only be sig."},
		"sources.*.oauth_clients.*.keys.*.key_ops": {says: "What the key is for, which must include verify."},
		"sources.*.oauth_clients.*.keys.*.alg":     {says: "The one algorithm that the key is used with."},
		"sources.*.oauth_clients.*.keys.*.crv":     {says: "The curve of an EC or OKP key."},
		"sources.*.oauth_clients.*.keys.*.x":       {says: "The first coordinate of an EC key, or an OKP key, in base64url."},
		"sources.*.oauth_clients.*.keys.*.y":       {says: "The second coordinate of an EC key, in base64url."},
		"sources.*.oauth_clients.*.keys.*.n":       {says: "The modulus of an RSA key, in base64url."},
		"sources.*.oauth_clients.*.keys.*.e":       {says: "The exponent of an RSA key, in base64url."},
		"sources.*.oauth_clients.*.keys_file":      {says: "The path of a file with its public keys as a JSON Web Key Set, relative to the directory in which Usher is started; it is read at the start."},
		"sources.*.oauth_clients.*.token_life":     {says: "How long an access token holds, from 1m to 24h; 1h, if none is given."},

		"teams":                {says: "The teams that people form by rules."},
		"teams.*":              {says: "One rule, with either each or when."},
		"teams.*.each":         {says: "An expression (CEL) over person: one team for each value that it has."},
		"teams.*.when":         {says: "A condition (CEL) over person: this one team, of everybody for whom it is true."},
		"teams.*.display_name": {says: "An expression (CEL) over team that names it; the value, or the rule's name, if none is given."},

		"apps":                       {says: "The systems in which people get accounts."},
		"apps.*":                     {says: "One app."},
		"apps.*.type":                {says: "What kind of app this is.", usual: "scim"},
		"apps.*.profile":             {says: "How this app differs from plain SCIM 2.0.", usual: "generic-scim2"},
		"apps.*.url":                 {says: "The SCIM base URL, without a query."},
		"apps.*.token":               {says: "The bearer token, from the environment as ${NAME}, so that it does not stand in the file."},
		"apps.*.allow":               {says: "What is refused unless it stands here: loopback and private addresses, and plain http."},
		"apps.*.first_run":           {says: "Whether the first run only reports what it found and would do, or goes.", usual: FirstRunReport},
		"apps.*.adopt":               {says: "By what an existing account is found to be a person's; an empty list adopts none.", usual: []string{"externalId", "userName"}},
		"apps.*.concurrency":         {says: "How many requests are under way at once.", usual: 16},
		"apps.*.requests_per_second": {says: "How many requests are sent in a second; 0 is the profile's rate, or no limit.", usual: 0},
		"apps.*.timeout":             {says: "How long one request may take.", usual: "30s"},
		"apps.*.scope":               {says: "A condition (CEL) over person that says who gets an account; everybody, if none is given."},
		"apps.*.user":                {says: "From a person to an account: a SCIM attribute, and the expression that yields it; what has no line is never written."},
		"apps.*.user.*":              {says: "An expression (CEL) over person, or an object with the expression and what is asked of its value."},
		"apps.*.user.*.value":        {says: "The expression (CEL) over person."},
		"apps.*.user.*.unique":       {says: "Makes of the value a name that nobody else in this app ever gets."},
		"apps.*.user.*.max":          {says: "How many characters of such a name may stand before its @, or in all; 64, if none is given."},
		"apps.*.groups":              {says: "The teams that this app gets as groups; none, if the key is left out."},
		"apps.*.groups.teams":        {says: "The team rules, by their names."},
		"apps.*.groups.display_name": {says: "An expression (CEL) over team that names the group; the team's own name, if none is given."},
		"apps.*.delete_after":        {says: "How long after somebody left their disabled account is deleted; never, if the key is left out."},

		"server":            {says: "Where usher serve is reached."},
		"server.address":    {says: "The host and port to listen on.", usual: "127.0.0.1:8484"},
		"server.insecure":   {says: "Whether it may listen beyond this machine without TLS.", usual: false},
		"server.public_url": {says: "How others reach it, such as https://usher.example; the address to listen on, if none is given."},

		"telemetry":                  {says: "What usher serve tells of itself."},
		"telemetry.metrics_address":  {says: "The host and port of the Prometheus metrics, or off; 127.0.0.1:8485, if none is given and it is free."},
		"telemetry.metrics_insecure": {says: "Whether the metrics may be read from beyond this machine.", usual: false},
		"telemetry.log_level":        {says: "The least that is logged.", usual: LogInfo},
		"telemetry.log_format":       {says: "How it is logged: text on a terminal and JSON elsewhere (auto), or always one of the two.", usual: LogAuto},

		"guard":                         {says: "Other limits than the usual ones, beyond which removals wait for a person's decision."},
		"guard.why":                     {says: "A sentence that says why; it stands in the ledger beside every removal that these limits let through."},
		"guard.unexplained":             {says: "Removals in a cycle of people who are missing, or who fell out by a change of the configuration."},
		"guard.unexplained.floor":       {says: "This many always pass.", usual: 3},
		"guard.unexplained.percent":     {says: "This share of the app's accounts passes, if it is more.", usual: 2},
		"guard.unexplained.cap":         {says: "Never more than this many.", usual: 250},
		"guard.unexplained_day":         {says: "The same removals within 24 hours."},
		"guard.unexplained_day.floor":   {says: "This many always pass.", usual: 5},
		"guard.unexplained_day.percent": {says: "This share of the app's accounts passes, if it is more.", usual: 5},
		"guard.unexplained_day.cap":     {says: "Never more than this many.", usual: 1000},
		"guard.terminations":            {says: "Removals in a cycle of people whose end date has passed, or whom the source has ended."},
		"guard.terminations.floor":      {says: "This many always pass.", usual: 10},
		"guard.terminations.percent":    {says: "This share of the app's accounts passes, if it is more.", usual: 5},
		"guard.terminations.cap":        {says: "Never more than this many; no limit, if none is given."},
		"guard.memberships":             {says: "Memberships in a cycle that people lose who keep their account."},
		"guard.memberships.floor":       {says: "This many always pass.", usual: 25},
		"guard.memberships.percent":     {says: "This share of the app's memberships passes, if it is more.", usual: 5},
		"guard.memberships.cap":         {says: "Never more than this many; no limit, if none is given."},
	}
}
