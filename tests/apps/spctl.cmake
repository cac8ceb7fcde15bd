# The command's behaviour, with a pretended SubProcess in place of the shim, but for isolated nodes: what is tested is spctl
# alone. A preloaded sanitizer would not let such a library in first, so these run without one.
if(NOT SP_SANITIZE)
  foreach(TEST spctl-run spctl-look spctl-completion spctl-doctor spctl-bench spctl-isolate spctl-up spctl-tools kept-code)
    add_test(NAME ${TEST} COMMAND bash ${PROJECT_SOURCE_DIR}/tests/apps/${TEST}.sh $<TARGET_FILE:spctl>
                                  $<TARGET_FILE:sp-pretended-subprocess> $<TARGET_FILE:sp-without-dispatch>)
    set_tests_properties(${TEST} PROPERTIES LABELS apps TIMEOUT 120 SKIP_RETURN_CODE 77 ENVIRONMENT "NO_COLOR=1")
  endforeach()
  set_tests_properties(spctl-bench PROPERTIES RUN_SERIAL ON)
endif()
