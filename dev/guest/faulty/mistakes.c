// SPDX-License-Identifier: GPL-2.0-only
/* Mistakes that rustc would not let pass, or that the kernel detects in C code only. */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/timer.h>

int faulty_shift(void);
int faulty_timer(void);
int faulty_race(void);

int faulty_shift(void)
{
	volatile int by = 40, one = 1;
	volatile int shifted = one << by;

	(void)shifted;
	return 0;
}

static void never(struct timer_list *timer)
{
}

int faulty_timer(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return -ENOMEM;
	timer_setup(timer, never, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
	return 0;
}

static int shared;

static int change(void *unused)
{
	while (!kthread_should_stop()) {
		for (int i = 0; i < 1000; i++)
			shared++;
		cond_resched();
	}
	return 0;
}

int faulty_race(void)
{
	struct task_struct *one, *two;

	one = kthread_run(change, NULL, "faulty/1");
	if (IS_ERR(one))
		return PTR_ERR(one);
	two = kthread_run(change, NULL, "faulty/2");
	msleep(3000);
	kthread_stop(one);
	if (IS_ERR(two))
		return PTR_ERR(two);
	kthread_stop(two);
	return 0;
}
