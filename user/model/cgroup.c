// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/cgroup.h"

static void unused_append(struct cgroup_table *t, struct cgroup *cg)
{
	cg->older = t->unused_newest;
	cg->newer = NULL;
	if (t->unused_newest)
		t->unused_newest->newer = cg;
	else
		t->unused_oldest = cg;
	t->unused_newest = cg;
	t->unused_cnt++;
}

static void unused_remove(struct cgroup_table *t, struct cgroup *cg)
{
	if (cg->older)
		cg->older->newer = cg->newer;
	else
		t->unused_oldest = cg->newer;
	if (cg->newer)
		cg->newer->older = cg->older;
	else
		t->unused_newest = cg->older;
	cg->newer = cg->older = NULL;
	t->unused_cnt--;
}

static void cgroup_free(struct cgroup_table *t, struct cgroup *cg)
{
	if (!cg)
		return;
	intern_put(t->strings, cg->path);
	free(cg);
}

/* A machine that makes containers all day has had more cgroups than anybody will ask for. */
static void drop_oldest(struct cgroup_table *t)
{
	while (t->unused_cnt > CGROUPS_UNUSED_MAX) {
		struct cgroup *cg = t->unused_oldest;

		unused_remove(t, cg);
		map_remove(&t->by_id, cg->id, 0);
		cgroup_free(t, cg);
	}
}

void cgroup_table_release(struct cgroup_table *t)
{
	struct map_slot *s;

	for (size_t i = 0; (s = map_next(&t->by_id, &i));)
		cgroup_free(t, s->value);
	map_release(&t->by_id);
	*t = (struct cgroup_table){.strings = t->strings};
}

/* Made without users; NULL for id 0 or without memory. */
static struct cgroup *cgroup_get(struct cgroup_table *t, uint64_t id)
{
	struct cgroup *cg;

	if (!id)
		return NULL;
	cg = map_find(&t->by_id, id, 0);
	if (cg)
		return cg;
	cg = calloc(1, sizeof(*cg));
	if (!cg)
		return NULL;
	cg->id = id;
	if (map_put(&t->by_id, id, 0, cg)) {
		free(cg);
		return NULL;
	}
	unused_append(t, cg);
	return cg;
}

struct cgroup *cgroup_table_ref(struct cgroup_table *t, uint64_t id)
{
	struct cgroup *cg = cgroup_get(t, id);

	if (cg && cg->refs++ == 0)
		unused_remove(t, cg);
	return cg;
}

void cgroup_table_unref(struct cgroup_table *t, struct cgroup *cg)
{
	if (!cg || --cg->refs)
		return;
	if (cg->path) {
		unused_append(t, cg);
		drop_oldest(t);
		return;
	}
	map_remove(&t->by_id, cg->id, 0);
	free(cg);
}

int cgroup_table_name(struct cgroup_table *t, uint64_t id, struct span path)
{
	struct intern_str *str;
	struct cgroup *cg;
	struct span kept;

	if (!id || !path.len)
		return 0;
	str = intern_get(t->strings, path, path.len);
	if (!str)
		return -ENOMEM;
	cg = cgroup_get(t, id);
	if (!cg || cg->path == str) {
		intern_put(t->strings, str);
		return cg ? 0 : -ENOMEM;
	}
	intern_put(t->strings, cg->path);
	cg->path = str;
	kept = intern_span(str);
	cg->unit = cgroup_path_unit(kept);
	cg->container = cgroup_path_container(kept);
	drop_oldest(t);
	return 0;
}

/* ---- paths ---------------------------------------------------------------------------------- */

static bool ends_with(struct span s, const char *end)
{
	size_t len = strlen(end);

	return s.len > len && memcmp(s.data + s.len - len, end, len) == 0;
}

static bool begins_with(struct span s, const char *begin)
{
	size_t len = strlen(begin);

	return s.len >= len && memcmp(s.data, begin, len) == 0;
}

static struct span without(struct span s, size_t left, size_t right)
{
	if (s.len < left + right)
		return (struct span){0};
	return (struct span){s.data + left, s.len - left - right};
}

/* The last component of *rest, which gets shorter; false when none is left. */
static bool take_last(struct span *rest, struct span *ret)
{
	size_t end = rest->len, begin;

	while (end && rest->data[end - 1] == '/')
		end--;
	begin = end;
	while (begin && rest->data[begin - 1] != '/')
		begin--;
	*ret = (struct span){rest->data ? rest->data + begin : NULL, end - begin};
	rest->len = begin;
	return end > begin;
}

static bool is_hex(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!strchr("0123456789abcdef", s.data[i]) || !s.data[i])
			return false;
	}
	return s.len > 0;
}

static const char *const container_scopes[] = {
	"docker-", "cri-containerd-", "crio-", "libpod-", "machine-", "nerdctl-",
};

/* libpod's conmon and a payload's own helper scopes carry the id too, and are outside. */
static struct span scope_container(struct span part)
{
	struct span name;

	if (!ends_with(part, ".scope"))
		return (struct span){0};
	part = without(part, 0, strlen(".scope"));
	for (size_t i = 0; i < sizeof(container_scopes) / sizeof(*container_scopes); i++) {
		if (!begins_with(part, container_scopes[i]))
			continue;
		name = without(part, strlen(container_scopes[i]), 0);
		if (begins_with(part, "machine-") || (name.len == 64 && is_hex(name)))
			return name;
	}
	return (struct span){0};
}

/* Under v1 names of LXC are two components: /lxc/NAME. */
static struct span part_container(struct span part, struct span above)
{
	struct span up;

	if (begins_with(part, "lxc.payload."))
		return without(part, strlen("lxc.payload."), 0);
	if (part.len == 64 && is_hex(part))
		return part;
	/* ECS: /ecs/TASK/TASK-NUMBER is no plain id; 32 digits only below what names a runtime */
	if (take_last(&above, &up)) {
		if (span_equals(up, SPAN_LITERAL("lxc")))
			return part;
		if (part.len == 32 && is_hex(part) &&
		    (span_equals(up, SPAN_LITERAL("docker")) || begins_with(up, "pod") ||
		     begins_with(up, "kubepods")))
			return part;
	}
	return scope_container(part);
}

struct span cgroup_path_container(struct span path)
{
	struct span part, found;

	while (take_last(&path, &part)) {
		found = part_container(part, path);
		if (found.len)
			return found;
	}
	return (struct span){0};
}

static const char *const unit_types[] = {
	".service", ".scope", ".socket", ".mount", ".swap", ".slice",
};

/* A slice only groups: it is the unit where there is nothing else. */
struct span cgroup_path_unit(struct span path)
{
	struct span part, slice = {0};

	while (take_last(&path, &part)) {
		for (size_t i = 0; i < sizeof(unit_types) / sizeof(*unit_types); i++) {
			if (!ends_with(part, unit_types[i]))
				continue;
			if (strcmp(unit_types[i], ".slice") != 0)
				return part;
			if (!slice.len)
				slice = part;
		}
	}
	return slice;
}

struct span cgroup_path_outer(struct span path)
{
	while (path.len && path.data[--path.len] != '/')
		;
	return path;
}

bool cgroup_path_is_in(struct span path, struct span top)
{
	return path.len >= top.len && !memcmp(path.data, top.data, top.len) &&
	       (path.len == top.len || path.data[top.len] == '/');
}
