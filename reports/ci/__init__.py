"""What machines keep and show that judge a kernel again and again."""
