#pragma once
/*
 * A SoftHSM token in the test's own folder (temp.h): label "test", PIN "1234".
 */
#define SOFTHSM_TOKEN "test"

/* Makes the token; ends the test when SoftHSM is not installed. SOFTHSM2_CONF is set for this
 * process and its children. */
void softhsm_open(void);
/* The module, and a file with the PIN, mode 0600. */
const char *softhsm_module(void);
const char *softhsm_pin_file(void);
