// SPDX-License-Identifier: GPL-2.0-only
/* The words that betray a secret: names of options and variables, programs, prefixes of tokens. */
#include <string.h>

#include "model/redact_int.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- names ----------------------------------------------------------------------------------- */

/* Lengths are known: these tables are asked for each option of each compiler that runs. */
#define WORD(s) SPAN_LITERAL(s)

struct ending {
	struct span text; /* lower case, '-' for any separator */
	bool glued;       /* dbpassword too; else only db-password and dbPassword */
	enum secret_name kind;
};

static const struct ending endings[] = {
	{WORD("password"), true, NAME_SECRET},
	{WORD("passwd"), true, NAME_SECRET},
	{WORD("passphrase"), true, NAME_SECRET},
	{WORD("pass"), false, NAME_SECRET},
	{WORD("storepass"), true, NAME_SECRET},
	{WORD("keypass"), true, NAME_SECRET},
	{WORD("pwd"), false, NAME_SECRET_OR_PATH}, /* PWD is a directory */
	{WORD("token"), false, NAME_SECRET},
	{WORD("authtoken"), true, NAME_SECRET},
	{WORD("secret"), false, NAME_SECRET},
	{WORD("api-key"), false, NAME_SECRET},
	{WORD("apikey"), true, NAME_SECRET},
	{WORD("access-key"), false, NAME_SECRET},
	{WORD("accesskey"), true, NAME_SECRET},
	{WORD("secret-key"), false, NAME_SECRET},
	{WORD("secretkey"), true, NAME_SECRET},
	{WORD("account-key"), false, NAME_SECRET},
	{WORD("accountkey"), true, NAME_SECRET},
	{WORD("private-key"), false, NAME_SECRET_OR_PATH},
	{WORD("privatekey"), true, NAME_SECRET_OR_PATH},
	{WORD("credential"), false, NAME_SECRET_OR_PATH},
	{WORD("credentials"), false, NAME_SECRET_OR_PATH},
	{WORD("creds"), false, NAME_SECRET_OR_PATH},
	{WORD("oauth2-bearer"), false, NAME_SECRET},
	{WORD("psk"), false, NAME_SECRET},
};

/* Only of options: as a variable it is a setting. */
static const struct ending option_endings[] = {
	{WORD("auth"), false, NAME_SECRET},
};

/* Anywhere in a variable's name ... */
static const struct span inside[] = {
	WORD("password"), WORD("passwd"),     WORD("passphrase"),  WORD("secret"),
	WORD("api-key"),  WORD("access-key"), WORD("private-key"), WORD("credential"),
};

/* ... unless it ends like this: where the secret is, or what is said about it. */
static const struct ending harmless[] = {
	{WORD("file"), false, NAME_SECRET},
	{WORD("path"), false, NAME_SECRET},
	{WORD("dir"), false, NAME_SECRET},
	{WORD("name"), false, NAME_SECRET},
	{WORD("fd"), false, NAME_SECRET},
	{WORD("length"), false, NAME_SECRET},
	{WORD("ttl"), false, NAME_SECRET},
	{WORD("type"), false, NAME_SECRET},
	{WORD("access-key-id"), false, NAME_SECRET},
};

/* An option that begins like this takes no secret. */
static const struct span negations[] = {
	WORD("no"),      WORD("ask"),   WORD("prompt"), WORD("without"),
	WORD("disable"), WORD("skip"),  WORD("show"),   WORD("ignore"),
	WORD("require"), WORD("allow"), WORD("use"),    WORD("verify"),
};

static char fold(char c)
{
	if (c == '_' || c == '.')
		return '-';
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* want is lower case, with '-' for any separator */
static bool folds_to(const char *s, struct span want)
{
	for (size_t i = 0; i < want.len; i++)
		if (fold(s[i]) != want.data[i])
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
		size_t n = e->text.len;

		if (e->text.data[n - 1] == last && n <= len && folds_to(name + len - n, e->text) &&
		    (e->glued || word_begins(name, len - n)))
			return e->kind;
	}
	return NAME_PLAIN;
}

static bool is_negated(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(negations); i++) {
		size_t n = negations[i].len;

		if (n < len && folds_to(name, negations[i]) && fold(name[n]) == '-')
			return true;
	}
	return false;
}

#define PAIR(a, b) ((unsigned)(a) << 8 | (unsigned)(b))

/* What the endings end with: nearly every other name is told from them by its last two bytes. */
static bool may_end_secret(const char *name, size_t len)
{
	switch (PAIR((uint8_t)fold(name[len - 2]), (uint8_t)fold(name[len - 1]))) {
	case PAIR('a', 'l'):
	case PAIR('d', 's'):
	case PAIR('e', 'n'):
	case PAIR('e', 'r'):
	case PAIR('e', 't'):
	case PAIR('e', 'y'):
	case PAIR('l', 's'):
	case PAIR('r', 'd'):
	case PAIR('s', 'e'):
	case PAIR('s', 'k'):
	case PAIR('s', 's'):
	case PAIR('t', 'h'):
	case PAIR('w', 'd'): return true;
	}
	return false;
}

enum secret_name secret_option(const char *name, size_t len)
{
	enum secret_name kind;

	if (len < 3 || !may_end_secret(name, len))
		return NAME_PLAIN;
	kind = find_ending(endings, COUNT(endings), name, len);
	if (!kind)
		kind = find_ending(option_endings, COUNT(option_endings), name, len);
	return kind && is_negated(name, len) ? NAME_PLAIN : kind;
}

/* Whether one of 'inside' begins at s */
static bool secret_begins(const char *s, size_t len)
{
	char first = fold(*s);

	if (first != 'p' && first != 's' && first != 'a' && first != 'c')
		return false;
	for (size_t i = 0; i < COUNT(inside); i++)
		if (inside[i].data[0] == first && inside[i].len <= len && folds_to(s, inside[i]))
			return true;
	return false;
}

enum secret_name secret_variable(const char *name, size_t len)
{
	enum secret_name kind = NAME_PLAIN;

	if (len < 3)
		return NAME_PLAIN;
	if (may_end_secret(name, len))
		kind = find_ending(endings, COUNT(endings), name, len);
	if (kind)
		return is_negated(name, len) ? NAME_PLAIN : kind;
	for (size_t at = 0; at < len; at++)
		if (secret_begins(name + at, len - at))
			return find_ending(harmless, COUNT(harmless), name, len) ? NAME_PLAIN :
										   NAME_SECRET;
	return NAME_PLAIN;
}

bool secret_header(const char *name, size_t len, bool *ret_certain)
{
	static const struct ending headers[] = {
		{WORD("authorization"), false, NAME_SECRET},
		{WORD("cookie"), false, NAME_SECRET},
	};

	if (len < 3)
		return false;
	*ret_certain = find_ending(headers, COUNT(headers), name, len) ||
		       folds_to(name, WORD("x-"));
	return find_ending(headers, COUNT(headers), name, len) ||
	       find_ending(endings, COUNT(endings), name, len) ||
	       (*ret_certain && find_ending(option_endings, COUNT(option_endings), name, len));
}

/* ---- programs -------------------------------------------------------------------------------- */

#define CURL_FLAGS "#0123468aBfgGiIjkLlMnNOpqRsSvZ"

static const struct program programs[] = {
	{.name = WORD("7z"), .letters = "p", .flags = PROGRAM_GLUED_ONLY},
	{.name = WORD("7za"), .letters = "p", .flags = PROGRAM_GLUED_ONLY},
	{.name = WORD("aws"),
	 .names = "aws_secret_access_key aws_session_token",
	 .flags = PROGRAM_KEYWORD},
	{.name = WORD("az"), .letters = "p", .flags = PROGRAM_LOGIN},
	{.name = WORD("buildah"), .letters = "p", .flags = PROGRAM_LOGIN},
	{.name = WORD("busybox"), .flags = PROGRAM_WRAPS},
	{.name = WORD("chroot"), .flags = PROGRAM_WRAPS},
	{.name = WORD("cqlsh"), .letters = "p"},
	{.name = WORD("curl"),
	 .letters = "uU",
	 .names = "user proxy-user",
	 .before = CURL_FLAGS,
	 .keep_to = ':'},
	{.name = WORD("curl"),
	 .letters = "b",
	 .names = "cookie",
	 .before = CURL_FLAGS,
	 .keep_to = '='},
	{.name = WORD("doas"), .flags = PROGRAM_WRAPS},
	{.name = WORD("docker"), .letters = "p", .flags = PROGRAM_LOGIN | PROGRAM_WRAPS},
	{.name = WORD("env"), .flags = PROGRAM_WRAPS},
	{.name = WORD("etcdctl"), .names = "user", .keep_to = ':'},
	{.name = WORD("flock"), .flags = PROGRAM_WRAPS},
	{.name = WORD("helm"), .letters = "p", .flags = PROGRAM_LOGIN},
	{.name = WORD("http"), .letters = "a", .keep_to = ':'},
	{.name = WORD("https"), .letters = "a", .keep_to = ':'},
	{.name = WORD("ionice"), .flags = PROGRAM_WRAPS},
	{.name = WORD("ipmitool"), .letters = "P"},
	{.name = WORD("kubectl"), .flags = PROGRAM_WRAPS},
	{.name = WORD("ldap"), .letters = "w"},
	{.name = WORD("lftp"), .letters = "u", .names = "user", .keep_to = ','},
	{.name = WORD("mongo"), .letters = "p"},
	{.name = WORD("mosquitto"), .letters = "P"},
	{.name = WORD("mysql"), .letters = "p", .flags = PROGRAM_GLUED_ONLY},
	{.name = WORD("nerdctl"), .letters = "p", .flags = PROGRAM_LOGIN | PROGRAM_WRAPS},
	{.name = WORD("nice"), .flags = PROGRAM_WRAPS},
	{.name = WORD("nmcli"), .names = "password wifi-sec.psk", .flags = PROGRAM_KEYWORD},
	{.name = WORD("nohup"), .flags = PROGRAM_WRAPS},
	{.name = WORD("nsenter"), .flags = PROGRAM_WRAPS},
	{.name = WORD("oc"), .letters = "p", .flags = PROGRAM_LOGIN | PROGRAM_WRAPS},
	{.name = WORD("openssl"), .names = "pass passin passout", .flags = PROGRAM_SOURCE},
	{.name = WORD("openssl"), .names = "k K"},
	{.name = WORD("parallel"), .flags = PROGRAM_WRAPS | PROGRAM_REMOTE},
	{.name = WORD("plink"), .names = "pw"},
	{.name = WORD("podman"), .letters = "p", .flags = PROGRAM_LOGIN | PROGRAM_WRAPS},
	{.name = WORD("pscp"), .names = "pw"},
	{.name = WORD("rar"), .letters = "p", .flags = PROGRAM_GLUED_ONLY},
	{.name = WORD("redis-cli"), .letters = "a"},
	{.name = WORD("runuser"), .flags = PROGRAM_WRAPS | PROGRAM_REMOTE},
	{.name = WORD("setsid"), .flags = PROGRAM_WRAPS},
	{.name = WORD("skopeo"), .letters = "p", .flags = PROGRAM_LOGIN},
	{.name = WORD("smbclient"), .letters = "U", .names = "user", .keep_to = '%'},
	{.name = WORD("sqlcmd"), .letters = "P"},
	{.name = WORD("ssh"), .flags = PROGRAM_WRAPS | PROGRAM_REMOTE},
	{.name = WORD("sshpass"), .letters = "p", .before = "ev", .flags = PROGRAM_WRAPS},
	{.name = WORD("stdbuf"), .flags = PROGRAM_WRAPS},
	{.name = WORD("strace"), .flags = PROGRAM_WRAPS},
	{.name = WORD("su"), .flags = PROGRAM_WRAPS | PROGRAM_REMOTE},
	{.name = WORD("sudo"), .flags = PROGRAM_WRAPS},
	{.name = WORD("systemd-run"), .flags = PROGRAM_WRAPS},
	{.name = WORD("time"), .flags = PROGRAM_WRAPS},
	{.name = WORD("timeout"), .flags = PROGRAM_WRAPS},
	{.name = WORD("unrar"), .letters = "p", .flags = PROGRAM_GLUED_ONLY},
	{.name = WORD("unshare"), .flags = PROGRAM_WRAPS},
	{.name = WORD("unzip"), .letters = "P"},
	{.name = WORD("useradd"), .letters = "p"},
	{.name = WORD("usermod"), .letters = "p"},
	{.name = WORD("valkey-cli"), .letters = "a"},
	{.name = WORD("watch"), .flags = PROGRAM_WRAPS | PROGRAM_REMOTE},
	{.name = WORD("xargs"), .flags = PROGRAM_WRAPS},
	{.name = WORD("zip"), .letters = "P"},
};

/* mysqldump, mariadb-admin and all the others of a family are their first one. */
static const struct {
	struct span prefix, name;
} families[] = {
	{WORD("mysql"), WORD("mysql")},          {WORD("mariadb"), WORD("mysql")},
	{WORD("mongo"), WORD("mongo")},          {WORD("ldap"), WORD("ldap")},
	{WORD("mosquitto_"), WORD("mosquitto")},
};

const struct program *program_find(const char *path, size_t len)
{
	const char *slash = memrchr(path, '/', len);
	struct span name = {path, len};

	if (slash) {
		name.data = slash + 1;
		name.len = len - (size_t)(name.data - path);
	}
	if (!name.len)
		return NULL;
	for (size_t i = 0; i < COUNT(families); i++) {
		struct span prefix = families[i].prefix;

		if (name.data[0] == prefix.data[0] && name.len >= prefix.len &&
		    memcmp(name.data, prefix.data, prefix.len) == 0) {
			name = families[i].name;
			break;
		}
	}
	for (size_t i = 0; i < COUNT(programs); i++)
		if (programs[i].name.data[0] == name.data[0] && span_equals(programs[i].name, name))
			return &programs[i];
	return NULL;
}

const struct program *program_next(const struct program *row)
{
	const struct program *next = row + 1;

	return next < programs + COUNT(programs) && span_equals(next->name, row->name) ? next :
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

#define TAIL 4 /* bytes that every prefix has */

static const struct span token_prefixes[] = {
	WORD("ghp_"),        WORD("gho_"),     WORD("ghu_"),     WORD("ghs_"),     WORD("ghr_"),
	WORD("github_pat_"), WORD("glpat-"),   WORD("xoxb-"),    WORD("xoxp-"),    WORD("xoxa-"),
	WORD("xoxr-"),       WORD("xoxs-"),    WORD("xoxe-"),    WORD("xapp-"),    WORD("whsec_"),
	WORD("shpat_"),      WORD("sk_live_"), WORD("rk_live_"), WORD("sk_test_"), WORD("sk-ant-"),
	WORD("sk-proj-"),
};

/* The two bytes before the last tell a prefix from nearly everything else. */
static bool may_be_prefix(char a, char b)
{
	switch (a) {
	case 'h': return b == 'p' || b == 'o' || b == 'u' || b == 's' || b == 'r';
	case 'a': return b == 't';
	case 'o':
	case 'x':
		return b == 'b' || b == 'p' || b == 'a' || b == 'r' || b == 's' || b == 'e' ||
		       b == 'j';
	case 'p': return b == 'p';
	case 'e': return b == 'c';
	case 'v': return b == 'e';
	case 's':
	case 'n': return b == 't';
	}
	return false;
}

size_t token_prefix_before(const char *end, size_t len)
{
	if (len < TAIL || !may_be_prefix(end[-3], end[-2]))
		return 0;
	for (size_t i = 0; i < COUNT(token_prefixes); i++) {
		struct span prefix = token_prefixes[i];

		if (memcmp(end - TAIL, prefix.data + prefix.len - TAIL, TAIL) == 0 &&
		    prefix.len <= len && memcmp(end - prefix.len, prefix.data, prefix.len) == 0)
			return prefix.len;
	}
	return 0;
}
