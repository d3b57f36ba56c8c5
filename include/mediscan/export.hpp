// Visibility of the public symbols. Everything else in libmediscan.so is hidden.
#pragma once

#define MEDISCAN_API __attribute__((visibility("default")))
