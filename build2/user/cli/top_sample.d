build2/user/cli/top_sample.o: user/cli/top_sample.c user/cli/top.h \
 user/base/fault.h user/base/text.h user/base/slice.h \
 user/control/paths.h user/cli/remote.h user/cli/command.h \
 user/control/answer.h user/control/control.h user/control/wire.h
user/cli/top.h:
user/base/fault.h:
user/base/text.h:
user/base/slice.h:
user/control/paths.h:
user/cli/remote.h:
user/cli/command.h:
user/control/answer.h:
user/control/control.h:
user/control/wire.h:
