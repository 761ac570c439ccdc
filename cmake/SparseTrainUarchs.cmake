# Which microarchitectures a build compiles. What it leaves out is never chosen at run time.
set(SPARSETRAIN_UARCHS all CACHE STRING "Microarchitectures to compile layer classes for: all, or a list of names")
if(SPARSETRAIN_UARCHS STREQUAL "all")
    set(SPARSETRAIN_UARCHS ${SPARSETRAIN_KNOWN_UARCHS})
elseif(SPARSETRAIN_TUNED_ISA AND NOT "tuned" IN_LIST SPARSETRAIN_UARCHS)
    list(PREPEND SPARSETRAIN_UARCHS tuned)  # whoever gives its file wants it
endif()
set(unknown ${SPARSETRAIN_UARCHS})
list(REMOVE_ITEM unknown ${SPARSETRAIN_KNOWN_UARCHS})
if(unknown OR NOT SPARSETRAIN_UARCHS)
    message(FATAL_ERROR "SPARSETRAIN_UARCHS: expected all, or some of ${SPARSETRAIN_KNOWN_UARCHS}, "
                        "given ${SPARSETRAIN_UARCHS}")
endif()
