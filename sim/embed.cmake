# SPDX-License-Identifier: Apache-2.0
# cmake -DIN=report.html -DOUT=report_html.c -DNAME=sim_html_template -DHEADER=html.h -P embed.cmake -- a file's bytes, and a NUL, as C.
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "/* Made of ${IN} by embed.cmake. */
#include \"${HEADER}\"

const unsigned char ${NAME}[] = {
${bytes}0};
")
