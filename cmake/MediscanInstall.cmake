# `cmake --install BUILD --prefix ANYWHERE`: the library, its headers, the command, and how CMake and pkg-config find them. Nothing in what
# is installed names the prefix, so the whole can be moved.
include(CMakePackageConfigHelpers)

install(TARGETS mediscan EXPORT mediscanTargets LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT library)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/mediscan" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT library
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT library)
if(MEDISCAN_BUILD_CLI)
  install(TARGETS mediscan_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT command)
endif()

set(_package "${CMAKE_INSTALL_LIBDIR}/cmake/mediscan")
install(EXPORT mediscanTargets NAMESPACE mediscan:: DESTINATION "${_package}" COMPONENT library)
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/mediscanConfig.cmake.in" "${PROJECT_BINARY_DIR}/mediscanConfig.cmake"
  INSTALL_DESTINATION "${_package}" NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the C++ API.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/mediscanConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/mediscanConfig.cmake" "${PROJECT_BINARY_DIR}/mediscanConfigVersion.cmake" DESTINATION "${_package}"
  COMPONENT library)

file(RELATIVE_PATH MEDISCAN_PREFIX_FROM_PC "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" MEDISCAN_PREFIX_FROM_PC "${MEDISCAN_PREFIX_FROM_PC}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/mediscan.pc.in" "${PROJECT_BINARY_DIR}/mediscan.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/mediscan.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT library)
