// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that several kernels have in common, as files. Built by script/build-module, used by spctl/xen; README.md.
 *
 *   mount -t superproc -o start=PHYSICAL,segment=BYTES,pool=BYTES,pools=COUNT none FOLDER
 *
 * The memory begins with the file `superproc-segment`, whose pages are those of the memory, one after the other. Behind it
 * `superproc-pool-0`, `-1` ... have BYTES each, from which they take their pages (page_tree.h).
 *
 * There are no struct pages: what wants one (O_DIRECT, shared futexes, vmsplice) gets EFAULT.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
/* which needs types of the one above */
#include <linux/falloc.h>
#include <linux/huge_mm.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/uio.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#endif

#include "page_tree.h"

#define SUPERPROC_MAGIC 0x73706d65
#define POOLS_MAX 16
#define UNIT_BYTES (2UL << 20)

struct memory {
  void* mapped;
  u64 start, segment_bytes, pool_bytes;
  u32 pools;
  kuid_t user;
  struct memory_file files[1 + POOLS_MAX];
};

/* ---- files ---- */

static struct memory_file* file_of(const struct inode* inode) { return inode->i_private; }

static vm_fault_t superproc_fault(struct vm_fault* vmf) {
  struct memory_file* file = file_of(file_inode(vmf->vma->vm_file));
  long page = find_page(file, vmf->pgoff, true);
  unsigned long frame;

  if (page == -ENOSPC) pr_warn_ratelimited("superproc: %pD is full\n", vmf->vma->vm_file);
  if (page < 0) return VM_FAULT_SIGBUS;
  frame = PHYS_PFN(file->physical) + page;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
  /* Of a private mapping, too: a write faults once more, and then the kernel copies. */
  return vmf_insert_mixed(vmf->vma, vmf->address, pfn_to_pfn_t(frame));
#else
  return vmf_insert_mixed(vmf->vma, vmf->address, frame);
#endif
}

/*
 * Two MiB of the segment at once, in shared mappings, where memory and address lie alike: by one entry where the kernel knows
 * of those without struct pages. Before 6.12 it takes them only as a device's, and its /proc/PID/smaps and pagemap would look
 * for the pages: there it is 512 entries.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static vm_fault_t insert_entries(struct vm_fault* vmf, unsigned long start, unsigned long frame) {
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
  return vmf_insert_pfn_pmd(vmf, phys_to_pfn_t(PFN_PHYS(frame), PFN_DEV | PFN_MAP), vmf->flags & FAULT_FLAG_WRITE);
#else
  return vmf_insert_pfn_pmd(vmf, frame, vmf->flags & FAULT_FLAG_WRITE);
#endif
}
#else
struct entries {
  struct vm_area_struct* vma;
  unsigned long start, frame;
};

static int insert_entry(pte_t* entry, unsigned long address, void* all) {
  const struct entries* e = all;
  unsigned long frame = e->frame + ((address - e->start) >> PAGE_SHIFT);

  if (pte_none(*entry)) set_pte_at(e->vma->vm_mm, address, entry, pte_mkspecial(pfn_pte(frame, e->vma->vm_page_prot)));
  return 0;
}

static vm_fault_t insert_entries(struct vm_fault* vmf, unsigned long start, unsigned long frame) {
  struct entries all = {vmf->vma, start, frame};

  return apply_to_page_range(vmf->vma->vm_mm, start, PMD_SIZE, insert_entry, &all) ? VM_FAULT_FALLBACK
                                                                                   : VM_FAULT_NOPAGE;
}
#endif

static vm_fault_t insert_unit(struct vm_fault* vmf) {
  struct vm_area_struct* vma = vmf->vma;
  struct memory_file* file = file_of(file_inode(vma->vm_file));
  unsigned long start = vmf->address & PMD_MASK;
  pgoff_t at = vma->vm_pgoff + ((start - vma->vm_start) >> PAGE_SHIFT);
  u64 physical = file->physical + ((u64)at << PAGE_SHIFT);

  if (file->first || !(vma->vm_flags & VM_SHARED)) return VM_FAULT_FALLBACK;
  if (start < vma->vm_start || vma->vm_end - start < PMD_SIZE) return VM_FAULT_FALLBACK;
  if (physical & ~PMD_MASK || at >= file->pages) return VM_FAULT_FALLBACK;
  return insert_entries(vmf, start, PHYS_PFN(physical));
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
static vm_fault_t superproc_huge_fault(struct vm_fault* vmf, enum page_entry_size size) {
  return size == PE_SIZE_PMD ? insert_unit(vmf) : VM_FAULT_FALLBACK;
}
#else
static vm_fault_t superproc_huge_fault(struct vm_fault* vmf, unsigned int order) {
  return order == PMD_ORDER ? insert_unit(vmf) : VM_FAULT_FALLBACK;
}
#endif

/* ptrace and /proc/PID/mem */
static int superproc_access(struct vm_area_struct* vma, unsigned long address, void* buffer, int bytes, int write) {
  struct memory_file* file = file_of(file_inode(vma->vm_file));
  long page = find_page(file, vma->vm_pgoff + ((address - vma->vm_start) >> PAGE_SHIFT), true);
  unsigned int offset = offset_in_page(address);

  if (page < 0 || (write && !(vma->vm_flags & VM_SHARED))) return -EFAULT;
  bytes = min_t(int, bytes, PAGE_SIZE - offset);
  if (write)
    memcpy(page_of(file, page) + offset, buffer, bytes);
  else
    memcpy(buffer, page_of(file, page) + offset, bytes);
  return bytes;
}

static const struct vm_operations_struct superproc_mapping = {
    .fault = superproc_fault, .huge_fault = superproc_huge_fault, .access = superproc_access};

static int superproc_mmap(struct file* file, struct vm_area_struct* vma) {
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
  vma->vm_flags |= VM_MIXEDMAP;
#else
  vm_flags_set(vma, VM_MIXEDMAP);
#endif
  vma->vm_ops = &superproc_mapping;
  return 0;
}

/* Both ways, page by page; what has been done before an error counts. */
static ssize_t transfer(struct kiocb* call, struct iov_iter* memory, bool write) {
  struct inode* inode = file_inode(call->ki_filp);
  struct memory_file* file = file_of(inode);
  ssize_t done = 0;
  long failed = 0;

  iov_iter_truncate(memory, max_t(loff_t, i_size_read(inode) - call->ki_pos, 0));
  while (iov_iter_count(memory) && !fatal_signal_pending(current)) {
    unsigned int offset = offset_in_page(call->ki_pos);
    size_t wanted = min_t(size_t, iov_iter_count(memory), PAGE_SIZE - offset), moved;
    long page = find_page(file, call->ki_pos >> PAGE_SHIFT, write);

    failed = page < 0 ? page : 0;
    if (failed) break;
    if (write)
      moved = copy_from_iter(page_of(file, page) + offset, wanted, memory);
    else if (file->first && page == 0)
      moved = iov_iter_zero(wanted, memory);
    else
      moved = copy_to_iter(page_of(file, page) + offset, wanted, memory);
    call->ki_pos += moved;
    done += moved;
    if (moved < wanted) {
      failed = -EFAULT;
      break;
    }
    cond_resched();
  }
  return done ? done : failed;
}

static ssize_t superproc_read(struct kiocb* call, struct iov_iter* memory) { return transfer(call, memory, false); }
static ssize_t superproc_write(struct kiocb* call, struct iov_iter* memory) { return transfer(call, memory, true); }

static loff_t superproc_seek(struct file* open, loff_t offset, int whence) {
  struct inode* inode = file_inode(open);
  struct memory_file* file = file_of(inode);
  loff_t size = i_size_read(inode);
  pgoff_t at = offset >> PAGE_SHIFT, end = size >> PAGE_SHIFT;

  if ((whence != SEEK_DATA && whence != SEEK_HOLE) || !file->first) return generic_file_llseek(open, offset, whence);
  if (offset < 0 || offset >= size) return -ENXIO;
  if (whence == SEEK_DATA && !next_page(file, &at, end)) return -ENXIO;
  while (whence == SEEK_HOLE && at < end && find_page(file, at, false) > 0 && !fatal_signal_pending(current)) {
    ++at;
    cond_resched();
  }
  return vfs_setpos(open, max_t(loff_t, offset, (loff_t)at << PAGE_SHIFT), size);
}

static void clear_part(struct memory_file* file, loff_t from, loff_t to) {
  long page = find_page(file, from >> PAGE_SHIFT, false);

  if (page > 0 && from < to) memset(page_of(file, page) + offset_in_page(from), 0, to - from);
}

static long superproc_fallocate(struct file* open, int mode, loff_t offset, loff_t bytes) {
  struct memory_file* file = file_of(file_inode(open));
  loff_t behind = offset + bytes;
  pgoff_t at = DIV_ROUND_UP(offset, PAGE_SIZE), end = behind >> PAGE_SHIFT;
  unsigned long page;

  if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) || !file->first) return -EOPNOTSUPP;
  if (end > (pgoff_t)SPACES << SPACE_SHIFT) return -EINVAL;
  if (bytes == (loff_t)PAGE_SIZE << SPACE_SHIFT && !(offset & (bytes - 1))) {
    unmap_mapping_range(open->f_mapping, offset, bytes, 1);
    free_space(file, at >> SPACE_SHIFT);
    return 0;
  }
  if (offset_in_page(offset)) clear_part(file, offset, min(behind, (loff_t)at << PAGE_SHIFT));
  if (end >= at && offset_in_page(behind)) clear_part(file, (loff_t)end << PAGE_SHIFT, behind);
  for (; (page = next_page(file, &at, end)) != 0; ++at) clear_page(page_of(file, page));
  return fatal_signal_pending(current) ? -EINTR : 0;
}

static const struct file_operations superproc_files = {
    .owner = THIS_MODULE,
    .mmap = superproc_mmap,
    .get_unmapped_area = thp_get_unmapped_area,
    .read_iter = superproc_read,
    .write_iter = superproc_write,
    .llseek = superproc_seek,
    .fallocate = superproc_fallocate,
    .fsync = noop_fsync,
};

/* ---- the file system ---- */

/* How much of the pools is free is what df(1) tells. */
static int superproc_statfs(struct dentry* root, struct kstatfs* told) {
  struct memory* memory = root->d_sb->s_fs_info;
  unsigned int n;

  simple_statfs(root, told);
  for (n = 1; n <= memory->pools; ++n) {
    const struct memory_file* pool = &memory->files[n];

    told->f_blocks += pool->pages - pool->first;
    told->f_bfree += free_pages_of(pool);
  }
  told->f_bavail = told->f_bfree;
  return 0;
}

static const struct super_operations superproc_super = {.statfs = superproc_statfs, .drop_inode = generic_delete_inode};

static struct inode* make_inode(struct super_block* super, umode_t mode) {
  struct memory* memory = super->s_fs_info;
  struct inode* inode = new_inode(super);

  if (!inode) return NULL;
  inode->i_ino = get_next_ino();
  inode->i_mode = mode;
  inode->i_uid = memory->user;
  return inode;
}

static int add_file(struct super_block* super, struct memory_file* file, const char* name, loff_t bytes) {
  struct inode* inode = make_inode(super, S_IFREG | 0600);
  struct dentry* entry = inode ? d_alloc_name(super->s_root, name) : NULL;

  if (!entry) {
    iput(inode);
    return -ENOMEM;
  }
  inode->i_private = file;
  inode->i_fop = &superproc_files;
  if (!file->first) inode->i_flags |= S_DAX; /* the kernel asks such files alone for more than a page */
  i_size_write(inode, bytes);
  d_add(entry, inode);
  return 0;
}

static int add_files(struct super_block* super, struct memory* memory) {
  unsigned long pages = memory->pool_bytes >> PAGE_SHIFT;
  u64 at = memory->segment_bytes;
  int failed;
  u32 n;

  memory->files[0] = (struct memory_file){memory->mapped, memory->start, memory->segment_bytes >> PAGE_SHIFT, 0, 0};
  failed = add_file(super, &memory->files[0], "superproc-segment", memory->segment_bytes);
  for (n = 0; n < memory->pools && !failed; ++n, at += memory->pool_bytes) {
    char name[24];

    snprintf(name, sizeof name, "superproc-pool-%u", n);
    memory->files[n + 1] =
        (struct memory_file){memory->mapped + at, memory->start + at, pages, first_page(pages), first_page(pages)};
    failed = add_file(super, &memory->files[n + 1], name, (loff_t)SPACES << (SPACE_SHIFT + PAGE_SHIFT));
  }
  return failed;
}

static bool is_whole(u64 bytes) { return bytes && !(bytes & (UNIT_BYTES - 1)) && bytes < 1ULL << 46; }

static int superproc_fill(struct super_block* super, struct fs_context* mount) {
  struct memory* memory = super->s_fs_info;
  u64 bytes = memory->segment_bytes + memory->pools * memory->pool_bytes;
  struct inode* root;

  if (!is_whole(memory->start) || !is_whole(memory->segment_bytes) || (memory->pools && !is_whole(memory->pool_bytes)))
    return invalf(mount, "superproc: start, segment and pool are multiples of 2 MiB");
  if (region_intersects(memory->start, bytes, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) != REGION_DISJOINT)
    return invalf(mount, "superproc: the kernel uses this memory itself");
  memory->mapped = memremap(memory->start, bytes, MEMREMAP_WB);
  if (!memory->mapped) return -ENOMEM;
  super->s_magic = SUPERPROC_MAGIC;
  super->s_blocksize = PAGE_SIZE;
  super->s_blocksize_bits = PAGE_SHIFT;
  super->s_maxbytes = MAX_LFS_FILESIZE;
  super->s_op = &superproc_super;
  root = make_inode(super, S_IFDIR | 0755);
  if (!root) return -ENOMEM;
  root->i_op = &simple_dir_inode_operations;
  root->i_fop = &simple_dir_operations;
  super->s_root = d_make_root(root);
  return super->s_root ? add_files(super, memory) : -ENOMEM;
}

enum { OPTION_START, OPTION_SEGMENT, OPTION_POOL, OPTION_POOLS, OPTION_USER };
static const struct fs_parameter_spec superproc_options[] = {
    fsparam_u64("start", OPTION_START), fsparam_u64("segment", OPTION_SEGMENT), fsparam_u64("pool", OPTION_POOL),
    fsparam_u32("pools", OPTION_POOLS), fsparam_u32("uid", OPTION_USER),        {}};

static int superproc_option(struct fs_context* mount, struct fs_parameter* given) {
  struct memory* memory = mount->s_fs_info;
  struct fs_parse_result value;
  int option = fs_parse(mount, superproc_options, given, &value);

  switch (option) {
    case OPTION_START: memory->start = value.uint_64; return 0;
    case OPTION_SEGMENT: memory->segment_bytes = value.uint_64; return 0;
    case OPTION_POOL: memory->pool_bytes = value.uint_64; return 0;
    case OPTION_POOLS:
      memory->pools = value.uint_32;
      return value.uint_32 <= POOLS_MAX ? 0 : invalf(mount, "superproc: at most %d pools", POOLS_MAX);
    case OPTION_USER:
      memory->user = make_kuid(current_user_ns(), value.uint_32);
      return uid_valid(memory->user) ? 0 : -EINVAL;
    default: return option < 0 ? option : -EINVAL;
  }
}

static int superproc_tree(struct fs_context* mount) { return get_tree_nodev(mount, superproc_fill); }
static void superproc_free(struct fs_context* mount) { kfree(mount->s_fs_info); }
static const struct fs_context_operations superproc_mount = {
    .parse_param = superproc_option, .get_tree = superproc_tree, .free = superproc_free};

static int superproc_begin(struct fs_context* mount) {
  mount->s_fs_info = kzalloc(sizeof(struct memory), GFP_KERNEL);
  mount->ops = &superproc_mount;
  return mount->s_fs_info ? 0 : -ENOMEM;
}

static void superproc_end(struct super_block* super) {
  struct memory* memory = super->s_fs_info;

  kill_litter_super(super);
  if (memory && memory->mapped) memunmap(memory->mapped);
  kfree(memory);
}

static struct file_system_type superproc = {
    .owner = THIS_MODULE, .name = "superproc", .init_fs_context = superproc_begin, .kill_sb = superproc_end};

static int __init superproc_init(void) { return register_filesystem(&superproc); }
static void __exit superproc_exit(void) { unregister_filesystem(&superproc); }

module_init(superproc_init);
module_exit(superproc_exit);
MODULE_ALIAS_FS("superproc");
MODULE_DESCRIPTION("Memory that several kernels have in common, as files");
MODULE_LICENSE("GPL");
