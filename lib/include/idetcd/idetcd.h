// Everything: claim a name, follow the others' records.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/export.h>
#include <idetcd/log.h>
#include <idetcd/member_status.h>
#include <idetcd/my_address.h>
#include <idetcd/network.h>
#include <idetcd/pattern_template.h>
#include <idetcd/pool.h>
#include <idetcd/record.h>
#include <idetcd/record_store.h>
#include <idetcd/registration.h>
#include <idetcd/result.h>
#include <idetcd/slot_claimer.h>
#include <idetcd/snapshot.h>
#include <idetcd/version.h>
