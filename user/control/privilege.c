/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Giving up every privilege; see privilege.h.
 */
#include "control/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static int capabilities_clear(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* The bounding set can only be emptied while the capability to do so is there. */
static int bounds_clear(void)
{
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			return -errno;
	return 0;
}

static int groups_change(const struct passwd *user)
{
	gid_t gid = user ? user->pw_gid : NOBODY;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgroups(0, NULL) || setresgid(gid, gid, gid))
		return -errno;
	return 0;
}

int privilege_drop(const char *name, const char *who, struct fault *f)
{
	const struct passwd *user = name ? getpwnam(name) : NULL;
	uid_t uid = user ? user->pw_uid : NOBODY;
	int err = 0;

	if (geteuid() == 0) {
		err = name ? groups_change(user) : 0;
		if (!err)
			err = bounds_clear();
		if (!err && name && setresuid(uid, uid, uid))
			err = -errno;
	}
	if (!err)
		err = capabilities_clear();
	/* After the change of user, which resets it. */
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (err)
		return fault_set(f, err, "%s cannot give up its privileges: %s", who,
				 strerror(-err));
	return 0;
}
