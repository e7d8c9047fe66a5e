#define DPI_VERSION "1257671-dirty"
