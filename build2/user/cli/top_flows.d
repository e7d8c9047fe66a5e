build2/user/cli/top_flows.o: user/cli/top_flows.c user/cli/top.h \
 user/base/fault.h user/base/text.h user/base/slice.h \
 user/control/paths.h user/control/answer.h
user/cli/top.h:
user/base/fault.h:
user/base/text.h:
user/base/slice.h:
user/control/paths.h:
user/control/answer.h:
