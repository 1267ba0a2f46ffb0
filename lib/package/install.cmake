# Headers, both libraries, and what CMake and pkg-config need to find them.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/idetcd)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Two export sets: only who asks for the static library must have its dependencies.
install(TARGETS idetcd_shared EXPORT idetcd-targets FILE_SET HEADERS)
install(TARGETS idetcd_static EXPORT idetcd-static-targets)
install(EXPORT idetcd-targets NAMESPACE idetcd:: DESTINATION ${package_dir})
install(EXPORT idetcd-static-targets NAMESPACE idetcd:: DESTINATION ${package_dir})

configure_package_config_file(package/idetcd-config.cmake.in idetcd-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(idetcd-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/idetcd-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/idetcd-config-version.cmake
  DESTINATION ${package_dir})

# Relative to the .pc file, so that the installed tree may be moved.
file(RELATIVE_PATH idetcd_prefix_from_pc /prefix/${pkgconfig_dir} /prefix)
string(REGEX REPLACE "/$" "" idetcd_prefix_from_pc "${idetcd_prefix_from_pc}")
configure_file(package/idetcd.pc.in idetcd.pc @ONLY)
configure_file(package/idetcd-static.pc.in idetcd-static.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/idetcd.pc ${CMAKE_CURRENT_BINARY_DIR}/idetcd-static.pc
  DESTINATION ${pkgconfig_dir})
