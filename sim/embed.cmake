# SPDX-License-Identifier: Apache-2.0
# cmake -DIN=report.html -DOUT=report_html.c -P embed.cmake -- a file's bytes, and a NUL, as C.
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "/* Made of report.html by embed.cmake. */
#include \"html.h\"

const unsigned char sim_html_template[] = {
${bytes}0};
")
