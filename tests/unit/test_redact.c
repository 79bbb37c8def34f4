// SPDX-License-Identifier: GPL-2.0-only
/* Secrets are gone, evidence is not. In the tables below a tab stands between two arguments. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/event.h"
#include "model/redact.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What must not be seen again. Not even its beginning, where a line was cut in the middle of it. */
#define MARK       "S3cr3tMark"
#define MARK_PIECE 3

#define JWT "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx" MARK "J9.s1g_na-ture" MARK

struct planted {
	const char *line, *want;
};

static const struct planted planted[] = {
	/* options, whoever takes them */
	{"app\t--password\t" MARK "\tdb", "app\t--password\t***\tdb"},
	{"app\t--password=" MARK "\tdb", "app\t--password=***\tdb"},
	{"app\t--password=two words " MARK, "app\t--password=***"},
	{"app\t--PassWord\t" MARK, "app\t--PassWord\t***"},
	{"app\t-password\t" MARK, "app\t-password\t***"},
	{"app\t--token=" MARK, "app\t--token=***"},
	{"app\t--secret\t" MARK, "app\t--secret\t***"},
	{"app\t--api-key=" MARK "\t--apikey\t" MARK, "app\t--api-key=***\t--apikey\t***"},
	{"app\t--access-key\t" MARK, "app\t--access-key\t***"},
	{"app\t--auth\t" MARK, "app\t--auth\t***"},
	{"app\t--passwd=" MARK "\t--pass\t" MARK, "app\t--passwd=***\t--pass\t***"},
	{"app\t--client-secret=" MARK, "app\t--client-secret=***"},
	{"app\t--private-key\t" MARK, "app\t--private-key\t***"},
	{"app\t--db-password=" MARK, "app\t--db-password=***"},
	{"app\t--mysql_password\t" MARK, "app\t--mysql_password\t***"},
	{"app\t--dbpassword\t" MARK "\t--clientSecret=" MARK,
	 "app\t--dbpassword\t***\t--clientSecret=***"},
	{"java\t-Djavax.net.ssl.keyStorePassword=" MARK "\tMain",
	 "java\t-Djavax.net.ssl.keyStorePassword=***\tMain"},
	{"java\t-Dapi.token=" MARK "\t-DTOKEN=" MARK, "java\t-Dapi.token=***\t-DTOKEN=***"},
	{"keytool\t-storepass\t" MARK "\t-list", "keytool\t-storepass\t***\t-list"},
	{"gpg\t--batch\t--passphrase\t" MARK "\t-d\tx", "gpg\t--batch\t--passphrase\t***\t-d\tx"},
	{"wget\t--http-password=" MARK "\thttp://h/", "wget\t--http-password=***\thttp://h/"},

	/* what single programs call so */
	{"mysql\t-uroot\t-p" MARK "\tdb", "mysql\t-uroot\t-p***\tdb"},
	{"/usr/bin/mysqldump\t-p" MARK "\tdb", "/usr/bin/mysqldump\t-p***\tdb"},
	{"mariadb-admin\t-p" MARK "\tping", "mariadb-admin\t-p***\tping"},
	{"sudo\t-u\troot\tmysql\t-p" MARK, "sudo\t-u\troot\tmysql\t-p***"},
	{"docker\texec\tdb\tmysql\t-p" MARK, "docker\texec\tdb\tmysql\t-p***"},
	{"curl\t-u\tme:" MARK "\thttps://h/", "curl\t-u\tme:***\thttps://h/"},
	{"curl\t-sSu\tme:" MARK "\thttps://h/", "curl\t-sSu\tme:***\thttps://h/"},
	{"curl\t-ume:" MARK, "curl\t-ume:***"},
	{"curl\t--user\tme:" MARK "\t--proxy-user\tyou:" MARK,
	 "curl\t--user\tme:***\t--proxy-user\tyou:***"},
	{"curl\t-b\tsid=" MARK "; a=" MARK, "curl\t-b\tsid=***"},
	{"sshpass\t-p\t" MARK "\tssh\t-p\t22\th", "sshpass\t-p\t***\tssh\t-p\t22\th"},
	{"sshpass\t-p" MARK "\tmysql\t-p" MARK, "sshpass\t-p***\tmysql\t-p***"},
	{"redis-cli\t-h\tr\t-a\t" MARK "\tping", "redis-cli\t-h\tr\t-a\t***\tping"},
	{"docker\tlogin\t-u\tme\t-p\t" MARK "\treg", "docker\tlogin\t-u\tme\t-p\t***\treg"},
	{"openssl\trsa\t-passin\tpass:" MARK "\t-in\tk", "openssl\trsa\t-passin\tpass:***\t-in\tk"},
	{"openssl\tenc\t-k\t" MARK, "openssl\tenc\t-k\t***"},
	{"ldapsearch\t-D\tcn=a\t-w\t" MARK, "ldapsearch\t-D\tcn=a\t-w\t***"},
	{"mongodump\t-u\tme\t-p\t" MARK, "mongodump\t-u\tme\t-p\t***"},
	{"smbclient\t//h/s\t-U\tme%" MARK, "smbclient\t//h/s\t-U\tme%***"},
	{"nmcli\tdev\twifi\tconnect\tnet\tpassword\t" MARK,
	 "nmcli\tdev\twifi\tconnect\tnet\tpassword\t***"},

	/* headers */
	{"curl\t-H\tAuthorization: Bearer " MARK, "curl\t-H\tAuthorization: Bearer ***"},
	{"curl\t-H\tauthorization:" MARK, "curl\t-H\tauthorization:***"},
	{"curl\t-H\tX-Api-Key: " MARK "\thttp://h/", "curl\t-H\tX-Api-Key: ***\thttp://h/"},
	{"curl\t-H\tX-Auth-Token:" MARK, "curl\t-H\tX-Auth-Token:***"},
	{"curl\t-HPRIVATE-TOKEN: " MARK, "curl\t-HPRIVATE-TOKEN: ***"},
	{"curl\t-H\tCookie: a=" MARK "; b=" MARK, "curl\t-H\tCookie: ***"},
	{"wget\t--header=Authorization: Basic " MARK, "wget\t--header=Authorization: Basic ***"},
	{"git\t-c\thttp.extraHeader=Authorization: Basic " MARK,
	 "git\t-c\thttp.extraHeader=Authorization: Basic ***"},

	/* variables, forms, connection strings, JSON */
	{"env\tPASSWORD=" MARK "\tmake", "env\tPASSWORD=***\tmake"},
	{"env\tPASSPHRASE=two words " MARK "\tmake", "env\tPASSPHRASE=***\tmake"},
	{"env\tAWS_SECRET_ACCESS_KEY=" MARK, "env\tAWS_SECRET_ACCESS_KEY=***"},
	{"docker\trun\t-e\tDB_PASS=" MARK "\t-eX_TOKEN=" MARK "\timg",
	 "docker\trun\t-e\tDB_PASS=***\t-eX_TOKEN=***\timg"},
	{"env\tSECRET_KEY_BASE=" MARK "\tMYSQL_PWD=" MARK,
	 "env\tSECRET_KEY_BASE=***\tMYSQL_PWD=***"},
	{"kubectl\tcreate\tsecret\tgeneric\tx\t--from-literal=password=" MARK,
	 "kubectl\tcreate\tsecret\tgeneric\tx\t--from-literal=password=***"},
	{"psql\thost=h password=" MARK " dbname=d", "psql\thost=h password=*** dbname=d"},
	{"psql\tpassword=" MARK " host=h", "psql\tpassword=*** host=h"},
	{"psql\thost=h password='it is " MARK "' user=me", "psql\thost=h password='***' user=me"},
	{"app\tServer=s;Uid=me;Pwd=" MARK ";Database=d", "app\tServer=s;Uid=me;Pwd=***;Database=d"},
	{"mount\t-o\tusername=me,password=" MARK ",vers=3",
	 "mount\t-o\tusername=me,password=***,vers=3"},
	{"curl\thttps://h/p?a=1&api_key=" MARK "&b=2", "curl\thttps://h/p?a=1&api_key=***&b=2"},
	{"curl\t-d\t{\"user\":\"me\", \"password\": \"a\\\"" MARK "\"}",
	 "curl\t-d\t{\"user\":\"me\", \"password\": \"***\"}"},

	/* URLs, tokens */
	{"git\tclone\thttps://me:" MARK "@h/r.git", "git\tclone\thttps://me:***@h/r.git"},
	{"psql\tpostgres://me:" MARK "@h:5432/d?x=y@z", "psql\tpostgres://me:***@h:5432/d?x=y@z"},
	{"app\tredis://:" MARK "@h:6379/0", "app\tredis://:***@h:6379/0"},
	{"app\tamqp://me:a/" MARK "#@h/", "app\tamqp://me:***@h/"},
	{"app\t--url=http://1234:" MARK "@h", "app\t--url=http://1234:***@h"},
	{"app\t" JWT, "app\t***"},
	{"app\tcall:" JWT ",x", "app\tcall:***,x"},
	{"app\tghp_" MARK "0000\tgithub_pat_" MARK, "app\tghp_***\tgithub_pat_***"},
	{"app\txoxb-" MARK "\tglpat-" MARK "\tsk_live_" MARK,
	 "app\txoxb-***\tglpat-***\tsk_live_***"},
	{"git\tclone\thttps://gho_" MARK "@github.com/x",
	 "git\tclone\thttps://gho_***@github.com/x"},

	/* scripts */
	{"sh\t-c\tmysql -u root -p" MARK " db | gzip", "sh\t-c\tmysql -u root -p*** db | gzip"},
	{"sh\t-c\texport DB_PASSWORD=" MARK "; ls", "sh\t-c\texport DB_PASSWORD=***; ls"},
	{"sh\t-c\tPGPASSWORD=" MARK " psql -p 5432 x", "sh\t-c\tPGPASSWORD=*** psql -p 5432 x"},
	{"sh\t-c\tA_TOKEN='" MARK " " MARK "' ls 'x y'", "sh\t-c\tA_TOKEN='***' ls 'x y'"},
	{"sh\t-c\tA_TOKEN=a\"" MARK " x\"'" MARK "' ls", "sh\t-c\tA_TOKEN=*** ls"},
	{"bash\t-lc\tapp --token \"" MARK " x\" --flag \"y\"",
	 "bash\t-lc\tapp --token \"***\" --flag \"y\""},
	{"bash\t-c\tcurl -H \"Authorization: Bearer " MARK "\" http://h && ls",
	 "bash\t-c\tcurl -H \"Authorization: Bearer ***\" http://h && ls"},
	{"bash\t-c\tcd /x;curl -u me:" MARK " h; mkdir -p a",
	 "bash\t-c\tcd /x;curl -u me:*** h; mkdir -p a"},
	{"bash\t-c\tssh h \"mysql -p" MARK " -e 'x'\"", "bash\t-c\tssh h \"mysql -p*** -e 'x'\""},
	{"sh\t-c\tsshpass -p '" MARK "' ssh h", "sh\t-c\tsshpass -p '***' ssh h"},
	{"sh\t-c\tcurl -d '{\"token\":\"" MARK "\"}' h", "sh\t-c\tcurl -d '{\"token\":\"***\"}' h"},
	{"sh\t-c\tcurl -d \"{\\\"token\\\":\\\"" MARK "\\\"}\" h",
	 "sh\t-c\tcurl -d \"{\\\"token\\\":\\\"***\\\"}\" h"},
	{"ssh\th\tPGPASSWORD=" MARK " pg_dump db", "ssh\th\tPGPASSWORD=*** pg_dump db"},
	{"su\t-\tme\t-c\tredis-cli -a " MARK " ping", "su\t-\tme\t-c\tredis-cli -a *** ping"},
	{"sh\t-c\techo \"PASSWORD=" MARK "\"; ls \"a b\"",
	 "sh\t-c\techo \"PASSWORD=***\"; ls \"a b\""},
};

static const char *const ordinary[] = {
	"gcc\t-pthread\t-O2\t-Wall\t-DNAME=\"x\"\t-I/usr/include\t-c\t-o\tpass.o\tpass.c",
	"gcc\t-Wl,-z,now\t-lsecret\t-lpassword\t-Wl,-soname=libtoken.so.1\t-std=gnu11",
	"/usr/lib/gcc/x86_64-linux-gnu/12/cc1\t-quiet\t-imultiarch\tx86_64-linux-gnu\ttoken.c",
	"ld\t-plugin-opt=-pass-through=-lgcc\t--hash-style=gnu",
	"tar\t-p\t-xf\tx.tar",
	"tar\t-cpf\tx.tar\tdir",
	"ssh\t-p\t22\tuser@host",
	"ssh\t-p22\t-o\tPasswordAuthentication=no\tme@host\tuptime",
	"ssh\thost\tmkdir -p /a/b && tar -p -x",
	"scp\t-p\tuser@host:path\t.",
	"mkdir\t-p\tdir",
	"sudo\t-u\tmysql\tmkdir\t-pv\t/var/lib/x",
	"cp\t-p\ta\tb",
	"git\tcommit\t-m\tfix token parsing",
	"git\tcommit\t-m\tlogin: don't ask for the password twice",
	"git\tlog\t-p\t--author=me",
	"git\tpush\torigin\tsecret:main",
	"grep\t-r\tpassword\tfile",
	"grep\t-i\tpassword=\t/etc/app.conf",
	"passwd\troot",
	"chpasswd\t-e",
	"ls\t--color=auto\t-l\tsecrets/",
	"curl\t-u\tme\thttp://host:8080/path",
	"curl\t-sS\t-o\t/dev/null\t-w\t%{http_code}\thttp://host:8080/",
	"curl\t-H\tAccept: application/json\thttps://h/",
	"curl\t-b\tcookies.txt\thttp://h/",
	"find\t.\t-name\t*.c\t-print",
	"ps\t-u\troot\t-o\tpid,comm",
	"make\t-p",
	"make\t-j8\tV=1\tCC=gcc",
	"java\t-Dkeystore.type=pkcs12\t-Xmx1g\t-jar\tapp.jar",
	"python3\t-m\ttokenize\tfile.py",
	"python3\t-c\tprint('a b')",
	"wget\thttp://host:8080/path@x",
	"wget\thttp://[::1]:8080/a@b",
	"rsync\t-a\tuser@host:path\tdir",
	"app\ta:b@c",
	"app\tuser@host:22",
	"app\t--password-file=/x\t--token-file\t/y\t--password-file\t/z",
	"app\t--no-password\tdb",
	"psql\t--no-password\tdb",
	"docker\tlogin\t-u\tme\t--password-stdin\treg",
	"app\t-password-stdin\tx",
	"docker\trun\t-p\t3306:3306\t--name\tmysql\tmysql:8",
	"docker\trun\t--name\tmongo\t-p\t27017:27017\tmongo",
	"docker\trun\t-v\t/etc/cookie:/etc/cookie\t--user\t1000:1000\timg",
	"docker\tpull\tme/secret:latest",
	"mysql\t-u\troot\t-p\tdb",
	"mysqldump\t-P\t3306\t-h\th\tdb",
	"kubectl\tget\tsecret\tdb-password\t-o\tyaml",
	"kubectl\tport-forward\tpod\t8080:80",
	"ansible-playbook\t--ask-vault-pass\t--ask-become-pass\tsite.yml",
	"ansible\t--private-key\t/home/me/.ssh/id_rsa\tall",
	"openssl\treq\t-new\t-key\tk.pem\t-passin\tfile:/x",
	"openssl\trsa\t-passin\tenv:PASS",
	"gpg\t--passphrase-fd\t0\t--passphrase-file\t/x",
	"ffmpeg\t-i\tx\t-pass\t1\t-passlogfile\tlog",
	"mongod\t--auth\t--port\t27017",
	"app\t--auth=none\t--token=false\t--password\t-",
	"env\tPWD=/home/me\tOLDPWD=/\tPASSWORD_FILE=/run/x\tTOKEN_TTL=60",
	"env\tAWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\taws\ts3\tls",
	"env\tGOOGLE_APPLICATION_CREDENTIALS=/etc/key.json\tgcloud",
	"sh\t-c\tmysql -p\"$DB_PASSWORD\" -e 'select 1'",
	"sh\t-c\tPASSWORD=$(cat /run/secret) TOKEN=${T} app --token \"$TOKEN\"",
	"sh\t-c\tfor i in a b; do mkdir -p $i; done",
	"sh\t-c\ttest \"$PASSWORD\" = \"\" && echo 'no password: give one'",
	"nginx: master process /usr/sbin/nginx -g daemon off;",
	"sshd: me [priv]",
	"postgres: writer process",
	"systemd-run\t--unit=x\t-p\tMemoryMax=1G\tsleep\t1",
	"npm\trun\tbuild\t--\t--env=prod",
	"node\t--max-old-space-size=4096\tserver.js",
	"tshark\t-d\ttcp.port==8888,http",
	"sed\t-e\ts/password/***/",
	"app\tkey=value\ttokenizer=bpe\tmonkey=x",
	"app\teyJ.json\tghp_short\txoxb-\tsk_live_",
	"chronyd\t-F\t1",
	"rpm\t-qp\tx.rpm",
	"nc\t-p\t99\th\t1",
	"java\t-cp\ta:b:c\tMain",
};

/* ---- helpers --------------------------------------------------------------------------------- */

/* Tabs -> NUL, a NUL at the end; returns the length. */
static size_t args_of(const char *line, char *args)
{
	size_t len = strlen(line) + 1;

	memcpy(args, line, len);
	for (size_t i = 0; i < len; i++)
		if (args[i] == '\t')
			args[i] = '\0';
	return len;
}

/* The same back, in a heap block of its exact size so that ASan sees each step aside. */
static void redact_line(const struct redact *r, const char *args, size_t len, char *ret_line)
{
	char *exact = malloc(len ? len : 1);
	size_t left;

	memcpy(exact, args, len);
	left = redact_args(r, exact, len);
	assert_true(left <= len);
	for (size_t i = 0; i < left; i++)
		ret_line[i] = exact[i] ? exact[i] : '\t';
	if (left && ret_line[left - 1] == '\t')
		left--;
	ret_line[left] = '\0';
	free(exact);
}

static struct redact *redact_with(const char *pattern)
{
	struct redact *r;

	assert_int_equal(redact_new(pattern, &r), 0);
	return r;
}

static void expect(const struct redact *r, const char *line, const char *want)
{
	char args[1024], got[1024];

	redact_line(r, args, args_of(line, args), got);
	if (strcmp(got, want) != 0)
		fail_msg("\n  of       '%s'\n  expected '%s'\n  got      '%s'", line, want, got);
}

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void secrets_are_hidden_and_nothing_else(void **state)
{
	struct redact *r = redact_with(NULL);

	for (size_t i = 0; i < COUNT(planted); i++)
		expect(r, planted[i].line, planted[i].want);
	redact_free(r);
}

static void ordinary_lines_stay(void **state)
{
	struct redact *r = redact_with(NULL);

	for (size_t i = 0; i < COUNT(ordinary); i++)
		expect(r, ordinary[i], ordinary[i]);
	redact_free(r);
}

/* --args-max, or a page that could not be read, ends a line anywhere. */
static void a_secret_that_was_cut_is_hidden_too(void **state)
{
	struct redact *r = redact_with(NULL);
	char args[1024], got[1024], piece[MARK_PIECE + 1] = "";

	memcpy(piece, MARK, MARK_PIECE);
	for (size_t i = 0; i < COUNT(planted); i++) {
		size_t len = args_of(planted[i].line, args);

		for (size_t cut = 0; cut < len; cut++) {
			redact_line(r, args, cut, got);
			if (strstr(got, piece))
				fail_msg("'%.*s' is cut there, and shows '%s'", (int)cut,
					 planted[i].line, got);
		}
	}
	redact_free(r);
}

static void short_values_do_not_grow(void **state)
{
	struct redact *r = redact_with(NULL);

	expect(r, "mysql\t-px", "mysql\t-p*");
	expect(r, "app\t--password=xy\tz", "app\t--password=**\tz");
	expect(r, "app\t--password=\tz", "app\t--password=\tz");
	expect(r, "app\t--password\t\tz", "app\t--password\t\tz");
	expect(r, "app\t--password", "app\t--password");
	expect(r, "", "");
	redact_free(r);
}

static void the_users_pattern_hides_more(void **state)
{
	struct redact *r = redact_with("[0-9]{4}-[0-9]{4}|^acct=.*$");

	expect(r, "pay\t1234-5678 and 8765-4321\tx", "pay\t*** and ***\tx");
	expect(r, "pay\tacct=me\tno acct=me", "pay\t***\tno acct=me");
	expect(r, "pay\t--password=x", "pay\t--password=*");
	redact_free(r);
	/* matches nothing, everything, its own stars */
	r = redact_with("x*");
	expect(r, "axxxxb\tb", "a***b\tb");
	redact_free(r);
	r = redact_with(".");
	expect(r, "ab\tc", "**\t*");
	redact_free(r);
	r = redact_with("[*]+.");
	expect(r, "a*bcdefghijklmnopqrstuvwxyz", "***");
	redact_free(r);
	assert_int_equal(redact_new("(", &r), -EINVAL);
	redact_free(NULL);
}

/* ---- properties ------------------------------------------------------------------------------ */

static size_t count_args(const char *args, size_t len)
{
	size_t cnt = 0;

	for (size_t i = 0; i < len; i++)
		cnt += !args[i];
	return cnt;
}

/* Pieces of what matters, in any order: what comes out stays as it is, in as many arguments. */
static void twice_is_once(void **state)
{
	static const char *const pieces[] = {
		"--password", "--token=",
		"=",          ":",
		"://",        "u:pw@h",
		"mysql",      " -p",
		"-p",         "xyz",
		"\t",         "\t",
		" ",          "'",
		"\"",         "\\",
		";",          "|",
		"$",          "{",
		"}",          "(",
		")",          ",",
		"&",          "Authorization:",
		" Bearer ",   "Cookie: ",
		"eyJ",        "eyJhbGciOiJI",
		".",          "ghp_",
		"abcdefghij", "PASSWORD=",
		"password",   "curl",
		"-u",         "a:b",
		"openssl",    "-passin",
		"pass:",      "sh\t-c\t",
		"*",          "***",
		"1",          "/",
		"@",          "?",
		"#",          "\n",
		"secret",     "ssh",
		"login",      "docker",
	};
	struct redact *r[] = {redact_with(NULL), redact_with("[a-c]+|\\*b")};
	uint64_t seed = 42;

	for (int i = 0; i < 40000; i++) {
		char line[512] = "", args[512], once[512];
		size_t len, left, again;

		for (int n = (int)(rnd(&seed) % 24); n >= 0; n--)
			strcat(line, pieces[rnd(&seed) % COUNT(pieces)]);
		len = args_of(line, args) - (rnd(&seed) & 1);
		left = redact_args(r[i % 2], args, len);
		memcpy(once, args, left);
		again = redact_args(r[i % 2], args, left);
		if (left > len || again != left || memcmp(once, args, left) != 0)
			fail_msg("'%s' changes when it is redacted again", line);
		args_of(line, args);
		if (count_args(args, len) != count_args(once, left))
			fail_msg("'%s' has lost an argument", line);
	}
	redact_free(r[0]);
	redact_free(r[1]);
}

/* ---- records --------------------------------------------------------------------------------- */

#define CLASS 1024 /* a size class of the kernel side, longer than most lines */

struct exec_record {
	struct rec_exec x;
	char args[CLASS];
};

/* As the kernel side ships it: behind the arguments is what was there before. */
static void fill_exec(struct exec_record *rec, const char *line, uint32_t more)
{
	memset(rec, 0, sizeof(*rec));
	for (size_t i = 0; i < CLASS; i++)
		rec->args[i] = MARK[i % strlen(MARK)];
	rec->x.h = (struct rec_hdr){.type = REC_EXEC, .size = sizeof(*rec)};
	rec->x.args_kept = (uint32_t)args_of(line, rec->args);
	rec->x.args_len = rec->x.args_kept + more;
}

static void expect_decoded(struct exec_record *rec, const char *want, uint32_t more)
{
	struct cursor c = cursor_of(rec, sizeof(*rec));
	char args[CLASS];
	struct event ev;

	assert_int_equal(event_decode(&c, &ev), 0);
	assert_int_equal(c.left, 0);
	assert_int_equal(ev.args.len, args_of(want, args));
	assert_memory_equal(ev.args.data, args, ev.args.len);
	assert_int_equal(ev.exec.args_len, ev.args.len + more);
}

static bool holds_mark(const void *data, size_t len)
{
	return memmem(data, len, MARK, MARK_PIECE) != NULL;
}

static void no_byte_of_a_secret_stays_in_an_exec_record(void **state)
{
	struct redact *r = redact_with(NULL);
	struct exec_record rec;

	for (size_t i = 0; i < COUNT(planted); i++) {
		fill_exec(&rec, planted[i].line, i % 2 * 7);
		assert_true(holds_mark(&rec, sizeof(rec)));
		assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, sizeof(rec)), 0);
		if (holds_mark(&rec, sizeof(rec)))
			fail_msg("the record of '%s' still holds it", planted[i].line);
		/* what was complete is not shown as cut, what was cut is */
		expect_decoded(&rec, planted[i].want, i % 2 * 7);
	}
	redact_free(r);
}

static size_t put_fact(char *to, const char *exe, const char *cwd, const char *line)
{
	struct rec_fact_proc f = {.h = {.type = REC_FACT_PROC}};
	char args[CLASS], *tail = to + sizeof(f);
	size_t used;

	f.exe_len = (uint32_t)strlen(exe);
	f.cwd_len = (uint32_t)strlen(cwd);
	f.args_len = f.args_kept = (uint32_t)args_of(line, args);
	used = sizeof(f) + f.exe_len + f.cwd_len + f.args_kept;
	f.h.size = (uint32_t)((used + 7) & ~(size_t)7);
	memset(to, 0, f.h.size);
	memcpy(to, &f, sizeof(f));
	memcpy(tail, exe, f.exe_len);
	memcpy(tail + f.exe_len, cwd, f.cwd_len);
	memcpy(tail + f.exe_len + f.cwd_len, args, f.args_kept);
	return f.h.size;
}

static void a_batch_is_walked_to_its_end(void **state)
{
	struct redact *r = redact_with(NULL);
	struct rec_rename rename = {.h = {.type = REC_RENAME, .size = sizeof(rename)},
				    .comm = MARK};
	struct exec_record rec;
	char batch[8192], args[CLASS];
	size_t len = 0, at_fact;
	struct cursor c;
	struct event ev;

	memcpy(batch, &rename, sizeof(rename));
	len += sizeof(rename);
	fill_exec(&rec, "mysql\t-p" MARK, 0);
	memcpy(batch + len, &rec, sizeof(rec));
	len += sizeof(rec);
	at_fact = len;
	len += put_fact(batch + len, "/usr/bin/app", "/tmp", "app\t--token=" MARK "\tx");

	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, batch, len), 0);
	assert_memory_equal(batch, &rename, sizeof(rename)); /* carries no command line */
	assert_false(holds_mark(batch + sizeof(rename), len - sizeof(rename)));
	c = cursor_of(batch + at_fact, len - at_fact);
	assert_int_equal(event_decode(&c, &ev), 0);
	assert_true(span_equals(ev.file, span_of("/usr/bin/app")));
	assert_true(span_equals(ev.cwd, span_of("/tmp")));
	assert_int_equal(ev.args.len, args_of("app\t--token=***\tx", args));
	assert_memory_equal(ev.args.data, args, ev.args.len);
	assert_int_equal(ev.fact_proc.args_len, ev.args.len);
	redact_free(r);
}

static void less_than_all_of_a_line_is_kept(void **state)
{
	static const char line[] = "/bin/app\t--password\tx\ty" MARK;
	struct redact *r = redact_with(NULL);
	uint32_t true_len = sizeof(line);
	struct exec_record rec;

	fill_exec(&rec, line, 0);
	assert_int_equal(redact_batch(r, REDACT_ARGS_EXE, (char *)&rec, sizeof(rec)), 0);
	assert_false(holds_mark(&rec, sizeof(rec)));
	expect_decoded(&rec, "/bin/app", true_len - sizeof("/bin/app"));

	fill_exec(&rec, line, 0);
	assert_int_equal(redact_batch(NULL, REDACT_ARGS_NONE, (char *)&rec, sizeof(rec)), 0);
	assert_false(holds_mark(&rec, sizeof(rec)));
	assert_int_equal(rec.x.args_kept, 0);
	assert_int_equal(rec.x.args_len, true_len);

	/* --no-redact */
	fill_exec(&rec, line, 0);
	assert_int_equal(redact_batch(NULL, REDACT_ARGS_FULL, (char *)&rec, sizeof(rec)), 0);
	expect_decoded(&rec, line, 0);
	redact_free(r);
}

static void records_that_lie_are_not_followed(void **state)
{
	struct redact *r = redact_with(NULL);
	struct exec_record rec;
	char fact[512];
	size_t len;

	/* more arguments than there is room for: nobody will decode them, nobody keeps them */
	fill_exec(&rec, "mysql\t-p" MARK, 0);
	rec.x.args_kept = CLASS + 1;
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, sizeof(rec)), 0);
	assert_false(holds_mark(&rec, sizeof(rec)));
	len = put_fact(fact, "e", "c", "app\t--token=" MARK);
	((struct rec_fact_proc *)fact)->exe_len = UINT32_MAX;
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, fact, len), 0);
	assert_false(holds_mark(fact, len));

	/* sizes that cannot be */
	fill_exec(&rec, "mysql\t-p" MARK, 0);
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, sizeof(rec) - 8),
			 -EBADMSG);
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, 32), -EBADMSG);
	rec.x.h.size = 0;
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, sizeof(rec)), -EBADMSG);
	/* an exec record from before it had its last field has no arguments */
	rec.x.h.size = 512;
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, 512), 0);
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, NULL, 0), 0);
	redact_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_hidden_and_nothing_else),
		cmocka_unit_test(ordinary_lines_stay),
		cmocka_unit_test(a_secret_that_was_cut_is_hidden_too),
		cmocka_unit_test(short_values_do_not_grow),
		cmocka_unit_test(the_users_pattern_hides_more),
		cmocka_unit_test(twice_is_once),
		cmocka_unit_test(no_byte_of_a_secret_stays_in_an_exec_record),
		cmocka_unit_test(a_batch_is_walked_to_its_end),
		cmocka_unit_test(less_than_all_of_a_line_is_kept),
		cmocka_unit_test(records_that_lie_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
