"""CUDA's libraries as archives that look for the real ones when they are first called.

    python3 lazy.py CUDARC FOLDER

A program that is linked against CUDA does not start where CUDA is not, and linking it takes a
gigabyte of libraries that are only looked at. So this writes, compiles and archives a `libcuda.a`,
`libcublas.a` and so on, with every function that the crate cudarc (whose source is in CUDARC) may
call. Each is a jump through a pointer that first leads to `dlopen` and `dlsym`. Where a library or a
function is not there, it answers with the library's own error number, and says what it missed.
x86-64 and Linux only.
"""

import re
import subprocess
import sys
from pathlib import Path

# Module of cudarc: what is linked, what is opened, and the error that means "not initialized" or,
# of the driver, "a stub".
LIBRARIES = {
    "driver": ("cuda", "libcuda.so.1", 34),
    "nvrtc": ("nvrtc", "libnvrtc.so.13", 11),
    "curand": ("curand", "libcurand.so.10", 101),
    "cublas": ("cublas", "libcublas.so.13", 1),
    "cublaslt": ("cublasLt", "libcublasLt.so.13", 1),
    "cudnn": ("cudnn", "libcudnn.so.9", 1001),
}

C = r"""
#include <dlfcn.h>
#include <stdio.h>

static const char *const names[] = { NAMES };
__attribute__((visibility("hidden"))) void *slots_LIB[] = { FIRSTS };
static char missed[512] = "SONAME: not called yet";

static const char *text(void) { return missed; }
static long failed(void) { return ERROR; }
/* cuGetErrorName and cuGetErrorString give their text through a pointer. */
static long told(long error, const char **out) { (void)error; *out = missed; return 0; }

__attribute__((visibility("hidden"))) void *find_LIB(long place) {
    const char *name = names[place];
    void *library = dlopen("SONAME", RTLD_NOW | RTLD_GLOBAL);
    void *found = library ? dlsym(library, name) : NULL;
    if (!found) {
        const char *reason = dlerror();
        snprintf(missed, sizeof missed, "%s", reason ? reason : "SONAME has not all that is needed");
        /* The driver's absence is an everyday error with a text of its own. */
        if (ERROR != 34) fprintf(stderr, "note: %s: %s\n", name, missed);
        switch (kinds[place]) {
        case 1: found = (void *)text; break;
        case 2: found = (void *)told; break;
        default: found = (void *)failed;
        }
    }
    __atomic_store_n(&slots_LIB[place], found, __ATOMIC_RELEASE);
    return found;
}
"""

# What a first call does: keeps the arguments (integers and floats), asks `find`, jumps there.
RESOLVE = r"""
.text
resolve_LIB:
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %r8
    push %r9
    push %rax
    sub $136, %rsp
    movups %xmm0, (%rsp)
    movups %xmm1, 16(%rsp)
    movups %xmm2, 32(%rsp)
    movups %xmm3, 48(%rsp)
    movups %xmm4, 64(%rsp)
    movups %xmm5, 80(%rsp)
    movups %xmm6, 96(%rsp)
    movups %xmm7, 112(%rsp)
    mov 192(%rsp), %rdi
    call find_LIB
    mov %rax, %r11
    movups (%rsp), %xmm0
    movups 16(%rsp), %xmm1
    movups 32(%rsp), %xmm2
    movups 48(%rsp), %xmm3
    movups 64(%rsp), %xmm4
    movups 80(%rsp), %xmm5
    movups 96(%rsp), %xmm6
    movups 112(%rsp), %xmm7
    add $136, %rsp
    pop %rax
    pop %r9
    pop %r8
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $8, %rsp
    jmp *%r11
.section .note.GNU-stack,"",@progbits
"""

ENTRY = r"""
.text
.globl {name}
.type {name}, @function
{name}:
    jmp *slots_{lib}+{offset}(%rip)
first_{lib}_{place}:
    push ${place}
    jmp resolve_{lib}
.globl first_{lib}_{place}
.hidden first_{lib}_{place}
"""

# In cudarc's sources each function is declared where it is called.
DECLARED = re.compile(r'extern "C" \{\s*fn (\w+)\(.*?\)\s*(->[^;]*)?;', re.DOTALL)


def functions(source):
    """Name and kind of each: 0 returns a number, 1 a text, 2 puts a text where it is told to."""
    found = {}
    for name, returned in DECLARED.findall(source):
        is_text = "c_char" in returned
        found[name] = 1 if is_text else 2 if name.startswith("cuGetError") else 0
    return dict(sorted(found.items()))


def archive(lib, soname, error, found, folder):
    names = ", ".join(f'"{name}"' for name in found)
    firsts = [f"first_{lib}_{place}" for place in range(len(found))]
    externs = "".join(f"extern char {first}[];\n" for first in firsts)
    kinds = ", ".join(str(kind) for kind in found.values())
    code = externs + f"static const char kinds[] = {{ {kinds} }};\n" + C
    code = code.replace("NAMES", names).replace("FIRSTS", ", ".join(firsts))
    code = code.replace("LIB", lib).replace("SONAME", soname).replace("ERROR", str(error))
    (folder / f"{lib}.c").write_text(code)
    entries = "".join(
        ENTRY.format(name=name, lib=lib, place=place, offset=8 * place)
        for place, name in enumerate(found)
    )
    (folder / f"{lib}_calls.S").write_text(entries + RESOLVE.replace("LIB", lib))
    objects = []
    for source in (f"{lib}.c", f"{lib}_calls.S"):
        objects.append(folder / f"{source}.o")
        command = [
            "cc",
            "-O2",
            "-Wall",
            "-Wextra",
            "-fPIC",
            "-c",
            folder / source,
            "-o",
            objects[-1],
        ]
        subprocess.run(command, check=True)
    whole = folder / f"lib{lib}.a"
    whole.unlink(missing_ok=True)
    subprocess.run(["ar", "rcs", whole, *objects], check=True)


def main():
    cudarc, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    for module, (lib, soname, error) in LIBRARIES.items():
        found = functions((cudarc / "src" / module / "sys" / "mod.rs").read_text())
        if not found:
            raise SystemExit(
                f"{cudarc} declares no function of {soname}: is it laid out otherwise now?"
            )
        archive(lib, soname, error, found, folder)
        print(f"lib{lib}.a: {len(found)} functions of {soname}")


if __name__ == "__main__":
    main()
