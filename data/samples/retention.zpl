#   Days for which sealed payloads are kept from their acceptance on, by kind: the last section of a register's source.
#   These numbers are invented for the demonstration. No retention period stands in the sources of the procedures (P23):
#   a network must set its own. A kind that is not named is kept; a register without this section keeps everything.
retention
    move_notified = 2190
    temporary_plan_flag = 2190
    written_acceptance = 2190
    documents_provided = 2190
    eh_handover_sent = 1095
