# sp_module(NAME SOURCES ... [DEPENDS ...])
#
# One room of the project. Its sources are compiled twice: as an ordinary static library `sp_NAME` for tools and tests,
# and freestanding (no libc, no exceptions, general registers only) into the object library `sp_NAME_shim`, which is
# part of what is loaded into the application. HOSTED_ONLY leaves out the second form, SHIM_ONLY the first.
set(SP_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion)

set(SP_SHIM_FLAGS -O2 -g -fPIC -fno-exceptions -fno-rtti -fno-stack-protector -fcf-protection=none -mgeneral-regs-only
    -fno-threadsafe-statics -ftls-model=initial-exec -fvisibility=hidden -fno-builtin -fno-tree-loop-distribute-patterns
    -fasynchronous-unwind-tables -fno-omit-frame-pointer -U_FORTIFY_SOURCE)

set(SP_HOSTED_FLAGS "")
set(SP_HOSTED_LINK "")
if(SP_SANITIZE)
  list(APPEND SP_HOSTED_FLAGS -fsanitize=${SP_SANITIZE} -fno-omit-frame-pointer)
  list(APPEND SP_HOSTED_LINK -fsanitize=${SP_SANITIZE})
endif()
if(SP_COVERAGE)
  list(APPEND SP_HOSTED_FLAGS --coverage)
  list(APPEND SP_HOSTED_LINK --coverage)
endif()

if(SP_FUZZ)
  list(APPEND SP_HOSTED_FLAGS -fsanitize=fuzzer-no-link,address)
  list(APPEND SP_HOSTED_LINK -fsanitize=address)
endif()

function(sp_hosted TARGET)
  target_compile_features(${TARGET} PUBLIC cxx_std_20)
  target_compile_options(${TARGET} PRIVATE ${SP_WARNINGS} ${SP_HOSTED_FLAGS})
  target_link_options(${TARGET} PRIVATE ${SP_HOSTED_LINK})
  target_include_directories(${TARGET} PRIVATE ${PROJECT_SOURCE_DIR})
endfunction()

function(sp_module NAME)
  cmake_parse_arguments(M "HOSTED_ONLY;SHIM_ONLY" "" "SOURCES;SHIM_SOURCES;HOSTED_SOURCES;DEPENDS" ${ARGN})
  if(NOT M_SHIM_ONLY)
    add_library(sp_${NAME} STATIC ${M_SOURCES} ${M_HOSTED_SOURCES})
    set_target_properties(sp_${NAME} PROPERTIES LINKER_LANGUAGE CXX POSITION_INDEPENDENT_CODE ON)
    target_include_directories(sp_${NAME} PUBLIC ${PROJECT_SOURCE_DIR})
    target_compile_features(sp_${NAME} PUBLIC cxx_std_20)
    target_compile_options(sp_${NAME} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${SP_WARNINGS}> ${SP_HOSTED_FLAGS})
    target_link_options(sp_${NAME} PUBLIC ${SP_HOSTED_LINK})
    foreach(D ${M_DEPENDS})
      target_link_libraries(sp_${NAME} PUBLIC sp_${D})
    endforeach()
  endif()
  if(NOT M_HOSTED_ONLY)
    add_library(sp_${NAME}_shim OBJECT ${M_SOURCES} ${M_SHIM_SOURCES})
    target_include_directories(sp_${NAME}_shim PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
    target_compile_features(sp_${NAME}_shim PRIVATE cxx_std_20)
    target_compile_definitions(sp_${NAME}_shim PRIVATE SP_SHIM=1)
    target_compile_options(sp_${NAME}_shim PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${SP_WARNINGS} ${SP_SHIM_FLAGS}>)
    set_property(GLOBAL APPEND PROPERTY SP_SHIM_OBJECTS $<TARGET_OBJECTS:sp_${NAME}_shim>)
  endif()
endfunction()
