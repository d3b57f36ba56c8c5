# How everything of ours is compiled: the language, the warnings, the sanitizers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(MEDISCAN_CCACHE ccache)
if(MEDISCAN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${MEDISCAN_CCACHE}")
  if(MEDISCAN_PRECOMPILE)  # ccache wants both for precompiled headers
    list(PREPEND CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_SLOPPINESS=pch_defines,time_macros")
    add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  endif()
endif()

# What most files read, by far the larger part of what the compiler sees of them.
set(MEDISCAN_COMMON_HEADERS <algorithm> <array> <atomic> <chrono> <cmath> <cstddef> <cstdint> <cstring> <filesystem> <functional> <map> <memory> <mutex>
  <optional> <span> <string> <string_view> <thread> <utility> <variant> <vector> <fmt/format.h>)

add_library(mediscan_flags INTERFACE)
# No contraction of a * b + c into one rounding: the numbers must be those of the Python pipeline. No unique symbols: the
# library must be unloadable in principle and must not merge its statics with LibTorch's.
target_compile_options(mediscan_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual -Wformat=2 -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(mediscan_flags INTERFACE -fno-gnu-unique)
endif()
if(MEDISCAN_SANITIZE)
  target_compile_options(mediscan_flags INTERFACE -fsanitize=${MEDISCAN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(mediscan_flags INTERFACE -fsanitize=${MEDISCAN_SANITIZE})
endif()
