/* Numbers as Java 17 prints them: Float.toString and Double.toString, except for the few values where Java 17 prints more
 * digits than the shortest that reads back (JDK-4511638); none of those is in the built-in data. Thread-safe. */
#ifndef LAKEFM_SIMULATE_JAVANUM_H
#define LAKEFM_SIMULATE_JAVANUM_H

enum { JAVANUM_SIZE = 40 };
/* Terminated; returns out. v must be finite. */
char *javanum_float(float v, char out[JAVANUM_SIZE]);
char *javanum_double(double v, char out[JAVANUM_SIZE]);

#endif
