build2/user/api/metrics.o: user/api/metrics.c user/api/metrics.h \
 user/api/metrics_text.h user/base/text.h user/base/slice.h \
 user/control/answer.h include/dpi/abi.h include/dpi/types.h \
 user/engine/engine.h user/classify/catalogue.h user/base/fault.h \
 user/base/name.h user/policy/policy.h include/dpi/name.h \
 include/dpi/parse.h user/policy/rules.h user/base/addr.h \
 user/engine/event.h user/flow/flow_table.h user/base/pages.h \
 user/flow/flow.h user/base/ids.h user/flow/stream.h user/base/pool.h \
 user/packet/packet.h user/packet/frame.h user/packet/defrag.h
user/api/metrics.h:
user/api/metrics_text.h:
user/base/text.h:
user/base/slice.h:
user/control/answer.h:
include/dpi/abi.h:
include/dpi/types.h:
user/engine/engine.h:
user/classify/catalogue.h:
user/base/fault.h:
user/base/name.h:
user/policy/policy.h:
include/dpi/name.h:
include/dpi/parse.h:
user/policy/rules.h:
user/base/addr.h:
user/engine/event.h:
user/flow/flow_table.h:
user/base/pages.h:
user/flow/flow.h:
user/base/ids.h:
user/flow/stream.h:
user/base/pool.h:
user/packet/packet.h:
user/packet/frame.h:
user/packet/defrag.h:
