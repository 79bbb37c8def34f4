// SPDX-License-Identifier: GPL-2.0-only
/* The words that betray a secret: names of options and variables, programs, prefixes of tokens. */
#include <string.h>

#include "base/buf.h"
#include "model/redact_int.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- names ----------------------------------------------------------------------------------- */

struct ending {
	const char *text; /* lower case, '-' for any separator */
	bool glued;       /* dbpassword too; else only db-password and dbPassword */
	enum secret_name kind;
};

static const struct ending endings[] = {
	{"password", true, NAME_SECRET},
	{"passwd", true, NAME_SECRET},
	{"passphrase", true, NAME_SECRET},
	{"pass", false, NAME_SECRET},
	{"storepass", true, NAME_SECRET},
	{"keypass", true, NAME_SECRET},
	{"pwd", false, NAME_SECRET_OR_PATH}, /* PWD is a directory */
	{"token", false, NAME_SECRET},
	{"authtoken", true, NAME_SECRET},
	{"secret", false, NAME_SECRET},
	{"api-key", false, NAME_SECRET},
	{"apikey", true, NAME_SECRET},
	{"access-key", false, NAME_SECRET},
	{"accesskey", true, NAME_SECRET},
	{"secret-key", false, NAME_SECRET},
	{"secretkey", true, NAME_SECRET},
	{"account-key", false, NAME_SECRET},
	{"accountkey", true, NAME_SECRET},
	{"private-key", false, NAME_SECRET_OR_PATH},
	{"privatekey", true, NAME_SECRET_OR_PATH},
	{"credential", false, NAME_SECRET_OR_PATH},
	{"credentials", false, NAME_SECRET_OR_PATH},
	{"creds", false, NAME_SECRET_OR_PATH},
	{"oauth2-bearer", false, NAME_SECRET},
	{"psk", false, NAME_SECRET},
};

/* Only of options: as a variable it is a setting. */
static const struct ending option_endings[] = {
	{"auth", false, NAME_SECRET},
};

/* Anywhere in a variable's name ... */
static const char *const inside[] = {"password", "passwd",     "passphrase",  "secret",
				     "api-key",  "access-key", "private-key", "credential"};
/* ... unless it ends like this: where the secret is, or what is said about it. */
static const char *const harmless[] = {"file",   "path",          "dir", "name", "fd",
				       "length", "access-key-id", "ttl", "type"};
/* An option that begins like this takes no secret. */
static const char *const negations[] = {"no",      "ask",   "prompt", "without",
					"disable", "skip",  "show",   "ignore",
					"require", "allow", "use",    "verify"};

static char fold(char c)
{
	if (c == '_' || c == '.')
		return '-';
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* want is lower case, with '-' for any separator */
static bool folds_to(const char *s, const char *want, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (fold(s[i]) != want[i])
			return false;
	return true;
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* Whether a word begins at name[at]: after a separator, or as in clientSecret. */
static bool word_begins(const char *name, size_t at)
{
	return !at || fold(name[at - 1]) == '-' || (is_upper(name[at]) && !is_upper(name[at - 1]));
}

static enum secret_name find_ending(const struct ending *e, size_t cnt, const char *name,
				    size_t len)
{
	char last = fold(name[len - 1]);

	for (; cnt--; e++) {
		size_t n = strlen(e->text);

		if (n <= len && e->text[n - 1] == last && folds_to(name + len - n, e->text, n) &&
		    (e->glued || word_begins(name, len - n)))
			return e->kind;
	}
	return NAME_PLAIN;
}

static bool is_negated(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(negations); i++) {
		size_t n = strlen(negations[i]);

		if (n < len && folds_to(name, negations[i], n) && fold(name[n]) == '-')
			return true;
	}
	return false;
}

enum secret_name secret_option(const char *name, size_t len)
{
	enum secret_name kind;

	if (len < 3 || !strchr("dehnrstyk", fold(name[len - 1]))) /* what the endings end with */
		return NAME_PLAIN;
	kind = find_ending(endings, COUNT(endings), name, len);
	if (!kind)
		kind = find_ending(option_endings, COUNT(option_endings), name, len);
	return kind && is_negated(name, len) ? NAME_PLAIN : kind;
}

static bool is_harmless(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(harmless); i++) {
		size_t n = strlen(harmless[i]);

		if (n <= len && folds_to(name + len - n, harmless[i], n) &&
		    word_begins(name, len - n))
			return true;
	}
	return false;
}

enum secret_name secret_variable(const char *name, size_t len)
{
	enum secret_name kind;

	if (len < 3)
		return NAME_PLAIN;
	kind = find_ending(endings, COUNT(endings), name, len);
	if (kind)
		return is_negated(name, len) ? NAME_PLAIN : kind;
	for (size_t i = 0; i < COUNT(inside); i++) {
		size_t n = strlen(inside[i]);

		for (size_t at = 0; at + n <= len; at++)
			if (fold(name[at]) == inside[i][0] && folds_to(name + at, inside[i], n))
				return is_harmless(name, len) ? NAME_PLAIN : NAME_SECRET;
	}
	return NAME_PLAIN;
}

bool secret_header(const char *name, size_t len, bool *ret_certain)
{
	static const struct ending headers[] = {
		{"authorization", false, NAME_SECRET},
		{"cookie", false, NAME_SECRET},
	};

	if (len < 3)
		return false;
	*ret_certain = find_ending(headers, COUNT(headers), name, len) ||
		       (len > 2 && folds_to(name, "x-", 2));
	return find_ending(headers, COUNT(headers), name, len) ||
	       find_ending(endings, COUNT(endings), name, len) ||
	       (*ret_certain && find_ending(option_endings, COUNT(option_endings), name, len));
}

/* ---- programs -------------------------------------------------------------------------------- */

#define CURL_FLAGS "#0123468aBfgGiIjkLlMnNOpqRsSvZ"

static const struct program programs[] = {
	{.name = "7z", .letters = "p", .flags = PROGRAM_GLUED_ONLY},
	{.name = "7za", .letters = "p", .flags = PROGRAM_GLUED_ONLY},
	{.name = "aws",
	 .names = "aws_secret_access_key aws_session_token",
	 .flags = PROGRAM_KEYWORD},
	{.name = "az", .letters = "p", .flags = PROGRAM_LOGIN},
	{.name = "buildah", .letters = "p", .flags = PROGRAM_LOGIN},
	{.name = "busybox", .flags = PROGRAM_WRAPS},
	{.name = "chroot", .flags = PROGRAM_WRAPS},
	{.name = "cqlsh", .letters = "p"},
	{.name = "curl",
	 .letters = "uU",
	 .names = "user proxy-user",
	 .before = CURL_FLAGS,
	 .keep_to = ':'},
	{.name = "curl", .letters = "b", .names = "cookie", .before = CURL_FLAGS, .keep_to = '='},
	{.name = "doas", .flags = PROGRAM_WRAPS},
	{.name = "docker", .letters = "p", .flags = PROGRAM_LOGIN | PROGRAM_WRAPS},
	{.name = "env", .flags = PROGRAM_WRAPS},
	{.name = "etcdctl", .names = "user", .keep_to = ':'},
	{.name = "flock", .flags = PROGRAM_WRAPS},
	{.name = "helm", .letters = "p", .flags = PROGRAM_LOGIN},
	{.name = "http", .letters = "a", .keep_to = ':'},
	{.name = "https", .letters = "a", .keep_to = ':'},
	{.name = "ionice", .flags = PROGRAM_WRAPS},
	{.name = "ipmitool", .letters = "P"},
	{.name = "kubectl", .flags = PROGRAM_WRAPS},
	{.name = "ldap", .letters = "w"},
	{.name = "lftp", .letters = "u", .names = "user", .keep_to = ','},
	{.name = "mongo", .letters = "p"},
	{.name = "mosquitto", .letters = "P"},
	{.name = "mysql", .letters = "p", .flags = PROGRAM_GLUED_ONLY},
	{.name = "nerdctl", .letters = "p", .flags = PROGRAM_LOGIN | PROGRAM_WRAPS},
	{.name = "nice", .flags = PROGRAM_WRAPS},
	{.name = "nmcli", .names = "password wifi-sec.psk", .flags = PROGRAM_KEYWORD},
	{.name = "nohup", .flags = PROGRAM_WRAPS},
	{.name = "nsenter", .flags = PROGRAM_WRAPS},
	{.name = "oc", .letters = "p", .flags = PROGRAM_LOGIN | PROGRAM_WRAPS},
	{.name = "openssl", .names = "pass passin passout", .flags = PROGRAM_SOURCE},
	{.name = "openssl", .names = "k K"},
	{.name = "parallel", .flags = PROGRAM_WRAPS | PROGRAM_REMOTE},
	{.name = "plink", .names = "pw"},
	{.name = "podman", .letters = "p", .flags = PROGRAM_LOGIN | PROGRAM_WRAPS},
	{.name = "pscp", .names = "pw"},
	{.name = "rar", .letters = "p", .flags = PROGRAM_GLUED_ONLY},
	{.name = "redis-cli", .letters = "a"},
	{.name = "runuser", .flags = PROGRAM_WRAPS | PROGRAM_REMOTE},
	{.name = "setsid", .flags = PROGRAM_WRAPS},
	{.name = "skopeo", .letters = "p", .flags = PROGRAM_LOGIN},
	{.name = "smbclient", .letters = "U", .names = "user", .keep_to = '%'},
	{.name = "sqlcmd", .letters = "P"},
	{.name = "ssh", .flags = PROGRAM_WRAPS | PROGRAM_REMOTE},
	{.name = "sshpass", .letters = "p", .before = "ev", .flags = PROGRAM_WRAPS},
	{.name = "stdbuf", .flags = PROGRAM_WRAPS},
	{.name = "strace", .flags = PROGRAM_WRAPS},
	{.name = "su", .flags = PROGRAM_WRAPS | PROGRAM_REMOTE},
	{.name = "sudo", .flags = PROGRAM_WRAPS},
	{.name = "systemd-run", .flags = PROGRAM_WRAPS},
	{.name = "time", .flags = PROGRAM_WRAPS},
	{.name = "timeout", .flags = PROGRAM_WRAPS},
	{.name = "unrar", .letters = "p", .flags = PROGRAM_GLUED_ONLY},
	{.name = "unshare", .flags = PROGRAM_WRAPS},
	{.name = "unzip", .letters = "P"},
	{.name = "useradd", .letters = "p"},
	{.name = "usermod", .letters = "p"},
	{.name = "valkey-cli", .letters = "a"},
	{.name = "watch", .flags = PROGRAM_WRAPS | PROGRAM_REMOTE},
	{.name = "xargs", .flags = PROGRAM_WRAPS},
	{.name = "zip", .letters = "P"},
};

/* mysqldump, mariadb-admin and all the others of a family are their first one. */
static const struct {
	const char *prefix, *name;
} families[] = {
	{"mysql", "mysql"}, {"mariadb", "mysql"},        {"mongo", "mongo"},
	{"ldap", "ldap"},   {"mosquitto_", "mosquitto"},
};

const struct program *program_find(const char *path, size_t len)
{
	const char *slash = memrchr(path, '/', len);
	const char *name = slash ? slash + 1 : path;

	len -= (size_t)(name - path);
	for (size_t i = 0; i < COUNT(families); i++) {
		size_t n = strlen(families[i].prefix);

		if (len >= n && memcmp(name, families[i].prefix, n) == 0) {
			name = families[i].name;
			len = strlen(name);
			break;
		}
	}
	for (size_t i = 0; len && i < COUNT(programs); i++)
		if (programs[i].name[0] == name[0] && strlen(programs[i].name) == len &&
		    memcmp(programs[i].name, name, len) == 0)
			return &programs[i];
	return NULL;
}

const struct program *program_next(const struct program *row)
{
	const struct program *next = row + 1;

	return next < programs + COUNT(programs) && strcmp(next->name, row->name) == 0 ? next :
											 NULL;
}

bool program_has_name(const struct program *row, const char *name, size_t len)
{
	for (const char *p = row->names; p && *p;) {
		size_t n = strcspn(p, " ");

		if (n == len && memcmp(p, name, n) == 0)
			return true;
		p += n + (p[n] == ' ');
	}
	return false;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* All of them end with four bytes that tell them from nearly everything else. */
#define TAIL 4

static const struct span token_prefixes[] = {
	SPAN_LITERAL("ghp_"),     SPAN_LITERAL("gho_"),     SPAN_LITERAL("ghu_"),
	SPAN_LITERAL("ghs_"),     SPAN_LITERAL("ghr_"),     SPAN_LITERAL("github_pat_"),
	SPAN_LITERAL("glpat-"),   SPAN_LITERAL("xoxb-"),    SPAN_LITERAL("xoxp-"),
	SPAN_LITERAL("xoxa-"),    SPAN_LITERAL("xoxr-"),    SPAN_LITERAL("xoxs-"),
	SPAN_LITERAL("xoxe-"),    SPAN_LITERAL("xapp-"),    SPAN_LITERAL("whsec_"),
	SPAN_LITERAL("shpat_"),   SPAN_LITERAL("sk_live_"), SPAN_LITERAL("rk_live_"),
	SPAN_LITERAL("sk_test_"), SPAN_LITERAL("sk-ant-"),  SPAN_LITERAL("sk-proj-"),
};

size_t token_prefix_before(const char *end, size_t len)
{
	if (len < TAIL)
		return 0;
	for (size_t i = 0; i < COUNT(token_prefixes); i++) {
		const char *prefix = token_prefixes[i].data;
		size_t n = token_prefixes[i].len;

		if (memcmp(end - TAIL, prefix + n - TAIL, TAIL) == 0 && n <= len &&
		    memcmp(end - n, prefix, n) == 0)
			return n;
	}
	return 0;
}
